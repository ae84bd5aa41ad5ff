// The server's children, as Linux lists them, and how to stop them where they are.
import { readdirSync, readFileSync } from 'node:fs';

const IMPORT = 'importers/child/main.js';
const WORKER = 'inference/worker/main.js';

/** Ids of the processes that import files for this server. */
export function importChildren(serverPid) {
  return childrenOf(serverPid, (command) => command.includes(IMPORT));
}

/** Ids of its inference workers, when they are processes. */
export function workerChildren(serverPid) {
  return childrenOf(serverPid, (command) => command.includes(WORKER));
}

/** At whatever depth: what cuts them off may stand between. */
function childrenOf(ancestor, isWanted) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(name));
  }
  const isUnder = (pid) => {
    const parent = parents.get(pid) ?? 0;
    return parent === ancestor || (parent > 1 && isUnder(parent));
  };
  return [...parents.keys()].filter((pid) => isUnder(pid) && isWanted(read(`/proc/${pid}/cmdline`)));
}

/** 0 for one that has ended meanwhile. */
function parentOf(pid) {
  return Number(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
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
