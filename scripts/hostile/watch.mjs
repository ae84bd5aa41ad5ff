// What must not change: files outside the job's directory and the store, the memory of the server, its process.
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below, but for folders of these names, with what would show a change. */
export function snapshot(directories, skipped = new Set()) {
  const files = new Map();
  const walk = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (skipped.has(path) || skipped.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else {
        const { size, mtimeMs, ctimeMs, mode } = lstatSync(path);
        files.set(path, `${size} ${mtimeMs} ${ctimeMs} ${mode}`);
      }
    }
  };
  for (const directory of directories) walk(directory);
  return files;
}

/** What is new, gone or other in the second snapshot. */
export function changesBetween(before, after) {
  const changed = [...after].filter(([path, state]) => before.get(path) !== state).map(([path]) => path);
  const gone = [...before.keys()].filter((path) => !after.has(path));
  return [...changed, ...gone];
}

/** Memory of a process now, in bytes. */
export function residentBytes(pid) {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Whether the file holds the text, however large it is. */
export async function holds(path, text) {
  const wanted = Buffer.from(text);
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const piece = Buffer.concat([tail, chunk]);
    if (piece.includes(wanted)) return true;
    tail = piece.subarray(Math.max(0, piece.length - wanted.length));
  }
  return false;
}

export const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');
