/** The worker processes of a server that runs with INFERENCE_ISOLATION=process, as Linux lists them. */
import { readdirSync, readFileSync } from 'node:fs';

const ENTRY = /inference\/worker\/main\.js/;

/** Pids of the workers under a server, at whatever depth: what cuts them off may stand between. */
export function workerProcessesOf(serverPid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid)) parents.set(pid, parentOf(pid));
  }
  const isUnder = (pid: number): boolean => {
    const parent = parents.get(pid) ?? 0;
    return parent === serverPid || (parent > 1 && isUnder(parent));
  };
  return [...parents.keys()].filter((pid) => isUnder(pid) && ENTRY.test(read(`/proc/${pid}/cmdline`)));
}

/** 0 for one that has ended meanwhile. */
function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
