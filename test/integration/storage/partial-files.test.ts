/** Files that arrive in pieces, on a real disk; what the artifact store takes over of them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { newId } from '../../../src/lib/ids.js';
import {
  openDiskStore,
  openPartialFiles,
  type ArtifactStore,
  type PartialFiles,
} from '../../../src/storage/index.js';

let directory: string;
let store: ArtifactStore;
let files: PartialFiles;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'souk-partial-'));
  store = await openDiskStore({ directory, clock: systemClock });
  files = await openPartialFiles(join(directory, 'partial'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const MANY = { maxBytes: 1_000_000 };

async function* of(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function* cutAfter(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
  throw new Error('The sender went away.');
}

it('keeps what came before a cut, and knows the digest of all pieces without reading them again', async () => {
  const id = newId('upload');
  const bytes = randomBytes(50_000);
  expect(await files.size(id)).toBe(0);
  const first = await files.append(id, 0, cutAfter(bytes.subarray(0, 20_000)), MANY);
  expect(first).toEqual({ bytes: 20_000, end: 'CUT' });
  const second = await files.append(
    id,
    20_000,
    of(bytes.subarray(20_000, 20_001), bytes.subarray(20_001)),
    MANY,
  );
  expect(second).toEqual({ bytes: 50_000, end: 'COMPLETE' });
  expect(await files.digestSoFar(id)).toBe(sha256(bytes));
  expect(await readFile(files.pathOf(id))).toEqual(bytes);
});

it('knows no digest of what another process wrote, or of a file that was begun anew', async () => {
  const id = newId('upload');
  const other = await openPartialFiles(join(directory, 'partial'));
  await files.append(id, 0, of(randomBytes(10)), MANY);
  await other.append(id, 10, of(randomBytes(10)), MANY);
  expect(await other.digestSoFar(id)).toBeNull();
  expect(await files.digestSoFar(id)).toBeNull();
  await files.append(id, 20, of(randomBytes(10)), MANY);
  expect(await files.digestSoFar(id)).toBeNull();

  const replaced = newId('upload');
  await files.append(replaced, 0, of(randomBytes(10)), MANY);
  await other.remove(replaced);
  await writeFile(join(directory, 'partial', 'beside'), 'so that the inode is another one');
  await other.append(replaced, 0, of(randomBytes(10)), MANY);
  const actual = sha256(await readFile(files.pathOf(replaced)));
  expect([null, actual]).toContain(await files.digestSoFar(replaced));
});

it('keeps a piece with a checksum as a whole or not at all', async () => {
  const id = newId('upload');
  const bytes = randomBytes(1_000);
  await files.append(id, 0, of(bytes.subarray(0, 100)), MANY);
  const checksum = { algorithm: 'sha1' as const, digest: createHash('sha1').update(bytes).digest() };
  for (const source of [of(randomBytes(900)), cutAfter(bytes.subarray(100, 500))]) {
    expect((await files.append(id, 100, source, { ...MANY, checksum })).bytes).toBe(100);
  }
  const right = { ...checksum, digest: createHash('sha1').update(bytes.subarray(100)).digest() };
  const written = await files.append(id, 100, of(bytes.subarray(100)), { ...MANY, checksum: right });
  expect(written).toEqual({ bytes: 1_000, end: 'COMPLETE' });
  const staged = await store.stageLink(files.pathOf(id), await files.digestSoFar(id));
  expect(staged.digest).toBe(sha256(bytes));
  await staged.discard();
});

it('writes no byte beyond what is allowed, behind the wrong offset, or after the signal', async () => {
  const id = newId('upload');
  const tooLarge = await files.append(id, 0, of(randomBytes(5), randomBytes(6)), { maxBytes: 10 });
  expect(tooLarge).toEqual({ bytes: 5, end: 'TOO_LARGE' });
  await expect(files.append(id, 3, of(randomBytes(1)), MANY)).rejects.toThrow(/not as long/);
  const signal = AbortSignal.abort();
  expect(await files.append(id, 5, of(randomBytes(1)), { ...MANY, signal })).toEqual({
    bytes: 5,
    end: 'CUT',
  });
  await files.cutTo(id, 2);
  expect(await files.size(id)).toBe(2);
});

it('makes a path of nothing but an id', () => {
  for (const name of [
    '',
    '..',
    '../x',
    'upl_',
    `upl_${'a'.repeat(25)}/`,
    `${newId('upload')}\n`,
    newId('model'),
  ]) {
    expect(() => files.pathOf(name), name).toThrow(/Only ids of uploads/);
  }
});

it('stages by a link, which may be repeated after a crash between any two steps', async () => {
  const id = newId('upload');
  const bytes = randomBytes(5_000);
  await files.append(id, 0, of(bytes), MANY);
  // The first process died after the file had its name and before the rows said so.
  const first = await store.stageLink(files.pathOf(id), null);
  expect(await first.keep()).toMatchObject({ ok: true });
  const again = await store.stageLink(files.pathOf(id), null);
  expect([again.digest, again.bytes]).toEqual([sha256(bytes), 5_000]);
  expect(await again.keep()).toMatchObject({ ok: true });
  await again.discard();
  await files.remove(id);
  expect(await readdir(join(directory, 'tmp'))).toEqual([]);
  expect(await readFile(store.localPath(sha256(bytes)))).toEqual(bytes);
});
