// "Has anything changed since this step last succeeded?" A stamp is the hash of a step's inputs, written
// after the step; a missing or different stamp means that the step runs again.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { localCache, root } from './paths.mjs';

/** SHA-256 over the names and contents of files and folders (recursively), in a fixed order. */
export function hashOf(paths, extra = '', base = root) {
  const hash = createHash('sha256').update(extra);
  for (const file of paths.flatMap(filesUnder).sort()) {
    hash.update(`\0${relative(base, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const stampFile = (name) => join(localCache, 'stamps', name);

export function isFresh(name, hash) {
  try {
    return readFileSync(stampFile(name), 'utf8') === hash;
  } catch {
    return false;
  }
}

export function markFresh(name, hash) {
  writeAtomically(stampFile(name), hash);
}

/** Under a temporary name, then renamed: a reader sees the old file or the new one, never half of one. */
export function writeAtomically(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}
