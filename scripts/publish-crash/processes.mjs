// The server's children, as Linux lists them, and how to stop them where they are.
import { readdirSync, readFileSync } from 'node:fs';

const IMPORT = 'importers/child/main.js';
const WORKER = 'worker/';

/** Ids of the processes that import files for this server. */
export function importChildren(serverPid) {
  return childrenOf(serverPid, (command) => command.includes(IMPORT));
}

/** Ids of its inference workers, when they are processes. */
export function workerChildren(serverPid) {
  return childrenOf(serverPid, (command) => command.includes(WORKER) && !command.includes(IMPORT));
}

function childrenOf(parent, isWanted) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const parentOfThis = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parentOfThis === parent && isWanted(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false; // It has just ended.
      }
    });
}

export function signalAll(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended.
    }
  }
}
