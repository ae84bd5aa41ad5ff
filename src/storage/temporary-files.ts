/**
 * Names and leftovers of half-written files. A name says which process of which machine writes it, so that
 * the next start can tell a leftover from the file of a process that still runs.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const NAME_PATTERN = /^([a-z0-9-]+)\.(\d+)\.[0-9a-f]{24}\.part$/;
/** Older than any body may take: for files of other machines that share the directory. */
const ORPHAN_AGE_MS = 24 * 3_600_000;

const host = hostname()
  .toLowerCase()
  .replaceAll(/[^a-z0-9]/g, '-');

const processStartMs = Date.now() - process.uptime() * 1000;

export function temporaryName(): string {
  return `${host}.${process.pid}.${randomBytes(12).toString('hex')}.part`;
}

/** Removes the leftovers in `directory`; answers how many. Files that are no temporary names are left alone. */
export async function sweepTemporaryFiles(directory: string, nowMs: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (!(await isOrphan(name, path, nowMs))) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
}

async function isOrphan(name: string, path: string, nowMs: number): Promise<boolean> {
  const match = NAME_PATTERN.exec(name);
  if (match === null) return false;
  const pid = Number(match[2]);
  if (match[1] === host && !isAlive(pid)) return true;
  const found = await stat(path).catch(() => null);
  if (found === null) return false;
  // A restarted container often gives the new process the old number.
  const isOfEarlierProcess = match[1] === host && pid === process.pid && found.mtimeMs < processStartMs;
  return isOfEarlierProcess || nowMs - found.mtimeMs > ORPHAN_AGE_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
