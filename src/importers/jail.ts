/**
 * Where the child that reads a stranger's file is shut in. On a Linux that allows it: namespaces of its own for
 * files, processes, network, users and IPC, a root directory that holds the program, its libraries and the file,
 * none of which can be written, and no privilege at all. Elsewhere as many walls as there are; `walls` says which.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import { findProgram, findSandbox } from '../lib/sandbox.js';
import { IMPORT_LIMITS } from './limits.js';

/** What stands around an import, as it is on this machine and not as it was hoped to be. */
export interface ImportWalls {
  /** No file can be seen but the artifact, the job's own directory, and the program with its libraries. */
  readonly filesHidden: boolean;
  /** No other process can be seen, signalled or read. */
  readonly processesHidden: boolean;
  /** No network interface at all. */
  readonly networkCutOff: boolean;
  /** Nothing of the server's environment. */
  readonly environmentHidden: boolean;
  /** No capability of the system's administrator, and no way to gain one. */
  readonly privilegesDropped: boolean;
}

export interface JailJob {
  readonly workDirectory: string;
  readonly artifactPath: string;
}

export interface Enclosed extends JailJob {
  /** What to start. The two paths are those that the child will see. */
  readonly command: readonly string[];
}

export interface Jail {
  readonly walls: ImportWalls;
  enclose(job: JailJob, command: readonly string[]): Enclosed;
}

const PROBE_TIMEOUT_MS = 5000;
const NAMESPACES = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL'];
/** Without privileges, in a namespace of users; as the system's administrator also without one. */
const WAYS = [['--user', '--map-root-user', ...NAMESPACES], NAMESPACES];
const NO_PRIVILEGES = [
  '--no-new-privs',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--securebits=+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked,+keep_caps_locked',
];

/**
 * Builds the new root on top of the job's directory, which therefore needs no other place, and goes there.
 * Arguments: the job's directory, the artifact, read-only paths, `--`, the command.
 * `mount -c .` is the directory below the new root: a path would lead to what was just mounted over it.
 */
const ENTER = `
set -eu
job=$1 artifact=$2
shift 2
cd "$job"
mount -t tmpfs -o size=1m,nr_inodes=512,mode=0755,nosuid,nodev souk "$job"
mkdir "$job/job" "$job/proc" "$job/outside"
: > "$job/artifact"
mount -c --bind -o nosuid,nodev,noexec . "$job/job"
mount --bind -o ro,nosuid,nodev,noexec "$artifact" "$job/artifact"
mount -t proc -o nosuid,nodev,noexec proc "$job/proc"
while [ "$1" != -- ]; do
  mkdir -p "$job\${1%/*}"
  if [ -L "$1" ] && [ "\${1%/*}" = "" ]; then ln -s "$(readlink "$1")" "$job$1"
  elif [ -d "$1" ]; then mkdir -p "$job$1"; mount --bind -o ro "$1" "$job$1"
  else : > "$job$1"; mount --bind -o ro "$1" "$job$1"; fi
  shift
done
shift
mount -o remount,ro "$job"
umount=$(command -v umount)
cd "$job"
pivot_root . outside
"/outside$umount" -l /outside
cd /job
exec "$@"
`;

/** Run inside before anything is promised: exits with 0 only when each wall stands. */
const CHECK = `
const fs = require('node:fs');
const status = fs.readFileSync('/proc/self/status', 'utf8');
const others = fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && name !== '1');
fs.writeFileSync('/job/written', '');
const cannot = (act) => { try { act(); return false; } catch { return true; } };
const stands = process.pid === 1 && others.length === 0
  && /^CapEff:\\s+0+$/m.test(status) && /^CapBnd:\\s+0+$/m.test(status) && /^NoNewPrivs:\\s+1$/m.test(status)
  && fs.readFileSync('/artifact', 'utf8') === 'artifact'
  && !fs.existsSync(process.argv[1]) && fs.readdirSync('/outside').length === 0
  && cannot(() => fs.writeFileSync('/artifact', 'x')) && cannot(() => fs.writeFileSync('/elsewhere', 'x'))
  && Object.keys(require('node:os').networkInterfaces()).length === 0;
process.exit(stands ? 0 : 1);
`;

/** Tries what could work, strictest first. Takes some 0.2 s; ask once. */
export async function findJail(): Promise<Jail> {
  for (const namespaces of WAYS) {
    const jail = fullJail(namespaces);
    if (jail !== null && (await holds(jail))) return jail;
  }
  const sandbox = await findSandbox();
  return Object.freeze({
    walls: {
      filesHidden: false,
      processesHidden: false,
      networkCutOff: sandbox.network === 'none',
      environmentHidden: true,
      privilegesDropped: false,
    },
    enclose: (job: JailJob, command: readonly string[]) => ({
      ...job,
      command: [...sandbox.prefix, ...command],
    }),
  });
}

/** Finds it at the first question, and remembers it. */
export function jailOnce(): () => Promise<Jail> {
  let found: Promise<Jail> | null = null;
  return () => (found ??= findJail());
}

function fullJail(namespaces: readonly string[]): Jail | null {
  const [shell, unshare, setpriv, prlimit] = ['sh', 'unshare', 'setpriv', 'prlimit'].map(findProgram);
  // The memory of what `unshare` starts is found through this file.
  const canBeWatched = existsSync(`/proc/self/task/${process.pid}/children`);
  if (
    shell === undefined ||
    unshare === undefined ||
    setpriv === undefined ||
    prlimit === undefined ||
    !canBeWatched
  )
    return null;
  const visible = [...visiblePaths(), setpriv, prlimit];
  return Object.freeze({
    walls: {
      filesHidden: true,
      processesHidden: true,
      networkCutOff: true,
      environmentHidden: true,
      privilegesDropped: true,
    },
    enclose: ({ workDirectory, artifactPath }: JailJob, command: readonly string[]) => ({
      workDirectory: '/job',
      artifactPath: '/artifact',
      command: [
        // Each in turn dies with who started it, so that nothing outlives a server that was killed.
        ...[setpriv, '--pdeathsig', 'KILL', '--'],
        ...[unshare, ...namespaces, '--', shell, '-c', ENTER, 'jail'],
        ...[workDirectory, artifactPath, ...visible, '--'],
        ...[prlimit, '--core=0', `--fsize=${IMPORT_LIMITS.maxJobBytes}`, '--'],
        ...[setpriv, '--pdeathsig', 'KILL', ...NO_PRIVILEGES, '--'],
        ...command,
      ],
    }),
  });
}

/** The program and what it needs to run; nothing of ours besides. */
function visiblePaths(): string[] {
  const built = dirname(dirname(dirname(fileURLToPath(builtEntry(import.meta.url, './child/main.js')))));
  const root = dirname(built);
  return [
    process.execPath,
    realpathSync(process.execPath),
    ...['/lib', '/lib64', '/usr/lib', '/usr/lib64', '/usr/local/lib', '/etc/ld.so.cache'],
    ...['/dev/null', '/dev/urandom', '/sys/devices/system/cpu'],
    ...['importers', 'inference', 'lowering', 'lib'].map((room) => join(built, room)),
    join(root, 'package.json'),
    join(root, 'node_modules'),
    ...linkedLibraries(join(root, 'node_modules/@tensorflow/tfjs-node')),
  ].filter((path, i, all) => existsSync(path) && all.indexOf(path) === i);
}

/** Set-up shares TensorFlow's library between clones: the package holds links to it. */
function linkedLibraries(tfjsNode: string): string[] {
  return ['deps/lib', 'lib/napi-v8'].flatMap((name) => {
    const folder = join(tfjsNode, name);
    const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
    return entries
      .filter((entry) => entry.isSymbolicLink() && existsSync(join(folder, entry.name)))
      .map((entry) => dirname(realpathSync(join(folder, entry.name))));
  });
}

/** Whether everything that a jail claims is so, seen from inside. */
async function holds(jail: Jail): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'souk-jail-'));
  try {
    const artifactPath = join(directory, 'artifact');
    const workDirectory = await mkdtemp(join(directory, 'job-'));
    await writeFile(artifactPath, 'artifact');
    const { command } = jail.enclose({ workDirectory, artifactPath }, [
      process.execPath,
      '-e',
      CHECK,
      artifactPath,
    ]);
    return await succeeds(command);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function succeeds([program = '', ...rest]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = spawn(program, rest, {
      stdio: 'ignore',
      env: {},
      timeout: PROBE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    probe.on('error', () => resolve(false));
    probe.on('exit', (code) => resolve(code === 0));
  });
}
