import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseStartError } from './errors.js';
import { identify, isRunning, worksIn, type ProcessIdentity } from './process-identity.js';

const ATTEMPTS = 5;

/**
 * At most one live Souk per data directory. The claim names a process by id and start time, so that one
 * left behind by a SIGKILL is recognised as abandoned even when the id has been given again.
 * @returns a function that gives the claim back
 * @throws DatabaseStartError when another live Souk holds it
 */
export function claimDataDirectory(dataDirectory: string): () => void {
  const file = join(dataDirectory, 'souk.pid');
  const claim = JSON.stringify({ ...identify(process.pid), claim: randomBytes(8).toString('hex') });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, claim, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        // A link fails when the name is taken, and the file is never seen half written.
        linkSync(draft, file);
        return () => {
          if (read(file) === claim) rmSync(file, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const seen = read(file);
      if (seen === null) continue;
      const holder = parseIdentity(seen);
      if (holder !== null && isRunning(holder)) {
        throw new DatabaseStartError(
          `The data directory ${dataDirectory} is in use by another Souk (process ${holder.pid}); stop it first, or set DATA_DIR to another folder.`,
        );
      }
      setAside(file, seen);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new DatabaseStartError(`The data directory ${dataDirectory} is being claimed by other processes.`);
}

/** Removes an abandoned claim, unless somebody else has just replaced it: then theirs is put back. */
function setAside(file: string, seen: string): void {
  const aside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.old`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== seen) {
    try {
      linkSync(aside, file);
    } catch {
      // A third process has claimed it in between: the next attempt will see who.
    }
  }
  rmSync(aside, { force: true });
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function parseIdentity(text: string): ProcessIdentity | null {
  try {
    const { pid, startedAt } = JSON.parse(text) as Partial<ProcessIdentity>;
    return Number.isInteger(pid) && typeof startedAt === 'string' ? { pid: pid as number, startedAt } : null;
  } catch {
    return null;
  }
}

/** The server that `postmaster.pid` in the cluster names, when it still runs there; `null` otherwise. */
export function runningPostmaster(cluster: string): ProcessIdentity | null {
  const pid = Number(read(join(cluster, 'postmaster.pid'))?.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !worksIn(pid, realpathSync(cluster))) return null;
  return identify(pid);
}
