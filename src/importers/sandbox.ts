/** What this machine offers to shut a child in: a network namespace of its own, and death with its parent. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Sandbox {
  /** Put before the command, e.g. `['/usr/bin/unshare', '--user', '--net', '--']`; empty where nothing works. */
  readonly prefix: readonly string[];
  /** `none`: the child has no network interface at all. */
  readonly network: 'none' | 'host';
}

const PROBE_TIMEOUT_MS = 3000;
const UNSHARE = ['/usr/bin/unshare', '/bin/unshare'].find((path) => existsSync(path));
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** Tries what could work, strictest first. Takes a few milliseconds; ask once. */
export async function findSandbox(): Promise<Sandbox> {
  // Without it a child that is deep in a native call would outlive a parent that was killed.
  const leash = SETPRIV === undefined ? [] : [SETPRIV, '--pdeathsig', 'KILL', '--'];
  const withLeash = leash.length > 0 && (await works(leash)) ? leash : [];
  if (UNSHARE !== undefined) {
    for (const options of [['--user', '--map-current-user', '--net'], ['--user', '--net'], ['--net']]) {
      const prefix = [UNSHARE, ...options, '--', ...withLeash];
      if (await works(prefix)) return { prefix, network: 'none' };
    }
  }
  return { prefix: withLeash, network: 'host' };
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
