// Finds TensorFlow's C library: in a directory that the operator names, or in the Python wheel, of which
// only two libraries and the C headers are kept (in the shared cache, under the wheel's version).
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { sharedCache, workspaceIn } from './paths.mjs';
import { run } from './run.mjs';
import { writeAtomically } from './stamp.mjs';

/**
 * @typedef {{id: string, version: string, library: string, framework: string, include: string}} Libtensorflow
 * `id` names it in the cache; the rest are absolute paths.
 */

const recordFile = (id) => join(sharedCache(), 'libtensorflow', `${id}.json`);

/** @returns {Libtensorflow | null} null when it is not known or its files are gone */
export function readLibtensorflow(id) {
  try {
    const found = JSON.parse(readFileSync(recordFile(id), 'utf8'));
    return [found.library, found.framework, found.include].every((path) => existsSync(path)) ? found : null;
  } catch {
    return null;
  }
}

/** The unpacked libtensorflow archive (lib/, include/) or an installed `tensorflow` Python package. */
export function libtensorflowAt(directory, version = null) {
  const pick = (folders, names) =>
    folders
      .flatMap((folder) => names.map((name) => join(directory, folder, name)))
      .find((path) => existsSync(path));
  const libraries = ['lib', '.', 'tensorflow', 'lib64'];
  const library = pick(libraries, ['libtensorflow_cc.so.2', 'libtensorflow.so.2', 'libtensorflow.so']);
  const framework = pick(libraries, ['libtensorflow_framework.so.2', 'libtensorflow_framework.so']);
  const include = pick(['include', 'tensorflow/include'], ['tensorflow/c/c_api.h'])?.replace(
    /\/tensorflow\/c\/c_api\.h$/,
    '',
  );
  if (!library || !framework || !include) {
    throw new Error(`${directory} has no libtensorflow (two libraries in lib/, headers in include/)`);
  }
  const { size, mtimeMs } = statSync(library);
  const content = createHash('sha256')
    .update(`${realpathSync(library)}:${size}:${mtimeMs}`)
    .digest('hex');
  const id = version === null ? `local-${content.slice(0, 16)}` : `wheel-${version}`;
  const found = {
    id,
    version: version ?? `at ${directory}`,
    library: realpathSync(library),
    framework: realpathSync(framework),
    include: realpathSync(include),
  };
  writeAtomically(recordFile(id), `${JSON.stringify(found, null, 2)}\n`);
  return found;
}

// The version that everything was tried with comes first; a registry that no longer has it still serves.
const REQUIREMENTS = ['tensorflow-cpu==2.21.*', 'tensorflow-cpu>=2.16,<3', 'tensorflow>=2.16,<3'];
const MACHINE = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];

export async function libtensorflowFromWheel(progress) {
  if (process.platform !== 'linux' || MACHINE === undefined) throw new Error('no wheel for this platform');
  const known = newestUnpacked();
  if (known !== null) return known;
  const python = await findPip();
  const workspace = workspaceIn(sharedCache(), 'wheel-');
  try {
    progress('fetching the TensorFlow wheel (about 270 MB)');
    const wheel = await download(python, workspace);
    const version = /^tensorflow(?:_cpu)?-([^-]+)-/.exec(wheel)?.[1] ?? 'unknown';
    progress(`unpacking libtensorflow ${version}`);
    const unpacked = join(workspace, 'unpacked');
    mkdirSync(unpacked);
    const result = await run(python, ['-c', UNPACK, join(workspace, wheel), unpacked], {
      deadlineMs: 5 * 60_000,
    });
    if (!result.ok) throw new Error(`the wheel cannot be unpacked (${result.output.split('\n').at(-1)})`);
    mkdirSync(join(sharedCache(), 'libtensorflow'), { recursive: true });
    const home = join(sharedCache(), 'libtensorflow', `${process.platform}-${process.arch}-${version}`);
    // Two set-ups at once: both have the same files, and the one that renames second keeps the first's.
    if (!existsSync(home)) {
      try {
        renameSync(unpacked, home);
      } catch (error) {
        if (!existsSync(home)) throw error;
      }
    }
    return libtensorflowAt(home, version);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

function newestUnpacked() {
  const directory = join(sharedCache(), 'libtensorflow');
  const prefix = `${process.platform}-${process.arch}-`;
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const version = names
    .filter((name) => name.startsWith(prefix))
    .sort()
    .at(-1)
    ?.slice(prefix.length);
  return version === undefined ? null : libtensorflowAt(join(directory, prefix + version), version);
}

async function findPip() {
  for (const python of ['python3', '/usr/bin/python3', 'python']) {
    if ((await run(python, ['-m', 'pip', '--version'], { deadlineMs: 20_000 })).ok) return python;
  }
  throw new Error('python3 with pip is not installed');
}

/** @returns {Promise<string>} the wheel's file name in `directory` */
async function download(python, directory) {
  const base = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--retries',
    '0',
    '--timeout',
    '5',
    '--only-binary=:all:',
  ];
  const quiet = ['--disable-pip-version-check', '--no-input', '-d', directory];
  // A wheel for another CPython will do: Python itself is only the courier.
  const courier = ['--python-version', '3.11', '--implementation', 'cp'];
  const anyPython = ['27', '17', '28'].flatMap((minor) => ['--platform', `manylinux_2_${minor}_${MACHINE}`]);
  let reason = '';
  for (const env of pipConfigurations()) {
    for (const requirement of REQUIREMENTS) {
      for (const flags of [[], [...courier, ...anyPython, '--platform', `manylinux2014_${MACHINE}`]]) {
        const args = [...base, ...quiet, ...flags, requirement];
        const result = await run(python, args, { env, deadlineMs: 20 * 60_000 });
        const wheel = readdirSync(directory).find((name) => name.endsWith('.whl'));
        if (result.ok && wheel !== undefined) return wheel;
        reason ||= /^ERROR: .*/m.exec(result.output)?.[0]?.slice('ERROR: '.length) ?? 'no output';
      }
    }
  }
  throw new Error(`pip finds no TensorFlow wheel (${reason})`);
}

/**
 * pip's own configuration; then, where HOME was replaced by an empty folder (as CI does), the one in
 * the account's real home, which may name the only package index that this machine can reach.
 */
function pipConfigurations() {
  const account = userInfo().homedir;
  if (account === homedir()) return [{}];
  const files = ['.config/pip/pip.conf', '.pip/pip.conf'].map((name) => join(account, name));
  return [{}, ...files.filter((file) => existsSync(file)).map((file) => ({ PIP_CONFIG_FILE: file }))];
}

const UNPACK = `
import os, re, shutil, sys, zipfile
wanted = re.compile(r'tensorflow/(libtensorflow_(cc|framework)\\.so\\.2$|include/(tensorflow|xla|tsl)/.*\\.h$)')
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for entry in wheel.infolist():
        if not wanted.match(entry.filename) or '..' in entry.filename:
            continue
        name = entry.filename[len('tensorflow/'):]
        target = os.path.join(sys.argv[2], name if name.startswith('include/') else 'lib/' + name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with wheel.open(entry) as source, open(target, 'wb') as out:
            shutil.copyfileobj(source, out, 1 << 20)
`;
