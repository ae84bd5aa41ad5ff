/** The file that is sent: as it lies there, or a directory packed into one. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, opendir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { Failure } from './failure.js';
import type { Output } from './output.js';

export interface ModelFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  /** Removes what was made for it. */
  remove(): Promise<void>;
}

const MAX_FILES = 10_000;

/** @throws Failure when there is nothing to send */
export async function openModelFile(path: string, output: Output, signal: AbortSignal): Promise<ModelFile> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new Failure(`There is no file ${path}.`);
  if (found.isDirectory()) return packDirectory(path, output, signal);
  if (!found.isFile()) throw new Failure(`${path} is neither a file nor a directory.`);
  if (found.size === 0) throw new Failure(`${path} is empty.`);
  const sha256 = await digestOf(path, found.size, output, signal);
  return { path, bytes: found.size, sha256, remove: () => Promise.resolve() };
}

/** Packs in an order and with times that do not depend on the machine: the same files give the same digest. */
async function packDirectory(directory: string, output: Output, signal: AbortSignal): Promise<ModelFile> {
  const files = await filesIn(directory);
  if (files.length === 0) throw new Failure(`There is no file in ${directory}.`);
  output.note(`Packing ${files.length} files of ${directory}.`);
  const temporary = await mkdtemp(join(tmpdir(), 'souk-push-'));
  const remove = () => rm(temporary, { recursive: true, force: true });
  try {
    const path = join(temporary, 'model.tar.gz');
    const archive = pack();
    const written = pipeline(archive, createGzip(), createWriteStream(path, { mode: 0o600 }), { signal });
    const filled = (async () => {
      for (const file of files) {
        const { size } = await stat(file);
        const name = relative(directory, file).split(sep).join('/');
        const entry = archive.entry({ name, size, mode: 0o644, mtime: new Date(0) });
        await pipeline(createReadStream(file), entry, { signal });
      }
      archive.finalize();
    })();
    await Promise.all([written, filled]);
    const { size } = await stat(path);
    return { path, bytes: size, sha256: await digestOf(path, size, output, signal), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of await opendir(directory, { recursive: true })) {
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
    if (files.length > MAX_FILES) throw new Failure(`${directory} has more than ${MAX_FILES} files.`);
  }
  return files.sort();
}

/** Also for what was fetched. */
export async function digestOf(
  path: string,
  bytes: number,
  output: Output,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    if (bytes > 64 * 1024 * 1024) output.progress('Reading', done, bytes);
  }
  return hash.digest('hex');
}
