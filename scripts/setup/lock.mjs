// One set-up at a time in a clone. The holder touches the lock every second, so that a lock left by a
// killed process is recognised by its age even when its process id has been given to somebody else.
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { localCache } from './paths.mjs';
import { SetupError } from './run.mjs';

const STALE_AFTER_MS = 10_000;
const WAIT_AT_MOST_MS = 20 * 60_000;
const file = join(localCache, 'setup.lock');

/** Runs `work` while holding the lock; `onWait` is called once when somebody else holds it. */
export async function withLock(work, onWait) {
  const deadline = Date.now() + WAIT_AT_MOST_MS;
  for (let waited = false; !take(); waited = true) {
    if (!waited) onWait();
    if (Date.now() > deadline) throw new SetupError(`Another set-up has held ${file} for 20 minutes.`);
    await sleep(200);
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch {
      // Deleted by hand: the work goes on, only without its protection.
    }
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}

function take() {
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') {
      throw new SetupError(`The folder ${localCache} cannot be written (${error.code}).`);
    }
    if (isAbandoned()) rmSync(file, { force: true });
    return false;
  }
}

function isAbandoned() {
  try {
    if (Date.now() - statSync(file).mtimeMs > STALE_AFTER_MS) return true;
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    // ESRCH: its process is gone. ENOENT: just released. Anything else (EPERM): alive, another user's.
    return error.code === 'ESRCH';
  }
}
