// What a process and its children cost, from /proc (Linux).
import { readFileSync, readdirSync } from 'node:fs';

// Of every Linux that we know on x86-64.
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

/** @returns {{pid: number, parent: number, name: string, cpuSeconds: number, rssBytes: number} | null} */
function read(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name is in parentheses and may hold anything.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    // Its own time, and that of children that have ended.
    cpuSeconds:
      [fields[11], fields[12], fields[13], fields[14]].reduce((sum, ticks) => sum + Number(ticks), 0) /
      TICKS_PER_SECOND,
    rssBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

// As root it runs under `unshare`, which a worker process may do too.
const isDatabase = ({ pid, name }) =>
  name === 'postgres' || (name === 'unshare' && commandLine(pid).includes('postgres'));

/** The process and all below it; those of the database apart, since they are not the server. */
export function processTree(rootPid) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(Number(name)))
    .filter((one) => one !== null);
  const server = all.filter(({ pid }) => pid === rootPid);
  const database = [];
  for (const list of [server, database]) {
    for (const { pid } of list) {
      for (const child of all.filter(({ parent }) => parent === pid)) {
        (list === database || isDatabase(child) ? database : server).push(child);
      }
    }
  }
  return { server, database };
}

/** CPU seconds since their start. */
export function cpuOf(rootPid) {
  const { server, database } = processTree(rootPid);
  const sum = (list) => list.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
  return { server: sum(server), database: sum(database) };
}

export function rssOf(rootPid) {
  return processTree(rootPid).server.reduce((total, { rssBytes }) => total + rssBytes, 0);
}

/** Pids of the server's worker processes: Node processes below it that run a file of the pool. */
export function workerPids(rootPid) {
  return processTree(rootPid)
    .server.filter(({ pid, name }) => pid !== rootPid && name !== 'unshare')
    .map(({ pid }) => pid)
    .filter((pid) => commandLine(pid).includes('/inference/'));
}
