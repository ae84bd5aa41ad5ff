/** Files for a library that loads from a directory only: in a private one, and gone again at once. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PiecedFile } from '../../../lowering/index.js';

const PREFIX = 'souk-model-';
/** No load takes that long: such a directory belonged to a worker that was killed while it loaded. */
const LEFT_AFTER_MS = 15 * 60_000;

/**
 * Writes the files, calls `use` with their directory, and removes it again, also when `use` throws.
 * The directory can be entered by this user only.
 * @param files by names of ours: plain, with `/` between folder and file
 * @param parent default: the system's directory for temporary files
 */
export function withFiles<T>(
  files: ReadonlyMap<string, Uint8Array | PiecedFile>,
  parent: string | undefined,
  use: (directory: string) => T,
): T {
  const directory = mkdtempSync(join(parent ?? tmpdir(), PREFIX));
  try {
    for (const [name, file] of files) {
      if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || name.split('/').includes('..')) {
        throw new Error(`"${name}" is not a file name of a pack.`);
      }
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writePieces(path, file instanceof Uint8Array ? [file] : file.pieces);
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writePieces(path: string, pieces: Iterable<Uint8Array>): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (const piece of pieces) {
      for (let written = 0; written < piece.length;) written += writeSync(fd, piece, written);
    }
  } finally {
    closeSync(fd);
  }
}

/** Removes what workers that were killed in the middle of a load have left. */
export function clearLeftDirectories(parent: string | undefined): void {
  const root = parent ?? tmpdir();
  const uid = process.getuid?.();
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(PREFIX))) {
    const path = join(root, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || (uid !== undefined && stat.uid !== uid)) continue;
    if (Date.now() - stat.mtimeMs > LEFT_AFTER_MS) rmSync(path, { recursive: true, force: true });
  }
}
