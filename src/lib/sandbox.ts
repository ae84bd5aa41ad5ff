/**
 * What this machine offers to shut a child process in: a network namespace of its own, a limit on its memory,
 * and death with its parent. Used by the machines that run strangers' files: imports and inference.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Sandbox {
  /** Put before the command, e.g. `['/usr/bin/unshare', '--user', '--net', '--']`; empty where nothing works. */
  readonly prefix: readonly string[];
  /** `none`: the child has no network interface at all. */
  readonly network: 'none' | 'host';
  /** Private memory that the kernel grants the child (RLIMIT_DATA); `null`: it sets no limit. */
  readonly maxDataBytes: number | null;
  /** The kernel ends the child when its parent dies, whatever the child is doing. */
  readonly diesWithParent: boolean;
}

const PROBE_TIMEOUT_MS = 3000;
/** A tool of the system, by its whole path. */
export const findProgram = (name: string): string | undefined =>
  [`/usr/bin/${name}`, `/bin/${name}`].find((path) => existsSync(path));
const UNSHARE = findProgram('unshare');
const SETPRIV = findProgram('setpriv');
const PRLIMIT = findProgram('prlimit');
const NETWORK_OPTIONS = [['--user', '--map-current-user', '--net'], ['--user', '--net'], ['--net']];

/**
 * Tries what could work, strictest first. Takes some 0.1 s; ask once.
 * @param maxDataBytes private memory that the child may have; without it no limit is set
 */
export async function findSandbox({
  maxDataBytes,
}: { readonly maxDataBytes?: number } = {}): Promise<Sandbox> {
  // Without it a child that is deep in a native call would outlive a parent that was killed.
  const leash = SETPRIV === undefined ? [] : [SETPRIV, '--pdeathsig', 'KILL', '--'];
  // A crash must not spend seconds on writing a core file.
  const limits =
    PRLIMIT === undefined || maxDataBytes === undefined
      ? []
      : [PRLIMIT, `--data=${maxDataBytes}`, '--core=0', '--'];
  const [withLeash, withLimits, network] = await Promise.all([
    worksOrNothing(leash),
    worksOrNothing(limits),
    firstThatWorks(
      NETWORK_OPTIONS.map((options) => (UNSHARE === undefined ? [] : [UNSHARE, ...options, '--'])),
    ),
  ]);
  const facts = {
    maxDataBytes: withLimits.length > 0 && maxDataBytes !== undefined ? maxDataBytes : null,
    diesWithParent: withLeash.length > 0,
  };
  const prefix = [...network, ...withLeash, ...withLimits];
  // Each works alone; whether they do together is tried too, because a wall that is claimed must stand.
  if (network.length > 0 && (await works(prefix))) return { prefix, network: 'none', ...facts };
  return { prefix: [...withLeash, ...withLimits], network: 'host', ...facts };
}

/** Memory of a process that is in RAM now, in bytes; `null` where the system does not tell. */
export function residentBytes(pid: number | undefined): number | null {
  if (pid === undefined) return null;
  try {
    // Not `statm`: it counts pages, whose size Node cannot tell.
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? null : Number(line[1]) * 1024;
  } catch {
    // It has just exited, or there is no /proc.
    return null;
  }
}

/** As `residentBytes`, of a process and all that it has started; `null` when it is gone. */
export function residentBytesOfTree(pid: number | undefined): number | null {
  const own = residentBytes(pid);
  if (own === null || pid === undefined) return null;
  return childrenOf(pid).reduce((sum, child) => sum + (residentBytesOfTree(child) ?? 0), own);
}

function childrenOf(pid: number): readonly number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return listed.split(' ').filter(Boolean).map(Number);
  } catch {
    // It has just exited, or the kernel does not tell.
    return [];
  }
}

const FIRST_UNNAMED_FD = 4;
/** O_CLOEXEC, as /proc shows it: octal. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Open files, from number 4 on, that a child would inherit: those that this process was itself started with. Node
 * keeps its own from children. Empty where the system does not tell.
 */
export function inheritableFiles(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((fd) => fd >= FIRST_UNNAMED_FD && isInheritable(fd));
  } catch {
    return [];
  }
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // Closed meanwhile: it was the listing's own.
    return false;
  }
}

async function worksOrNothing(prefix: readonly string[]): Promise<readonly string[]> {
  return prefix.length > 0 && (await works(prefix)) ? prefix : [];
}

async function firstThatWorks(prefixes: readonly (readonly string[])[]): Promise<readonly string[]> {
  for (const prefix of prefixes) if (prefix.length > 0 && (await works(prefix))) return prefix;
  return [];
}

function works(prefix: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const [command = '', ...rest] = prefix;
    const probe = spawn(command, [...rest, process.execPath, '--version'], {
      stdio: 'ignore',
      env: {},
      timeout: PROBE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    probe.on('error', () => {
      resolve(false);
    });
    probe.on('exit', (code) => {
      resolve(code === 0);
    });
  });
}
