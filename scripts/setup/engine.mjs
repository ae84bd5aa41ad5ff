// The native binding of @tensorflow/tfjs-node, without its install script (which downloads from one
// host and takes `npm install` with it when that host is out of reach). First way that works:
//   (a) it loads already, or a binding that an earlier set-up built is in the cache
//   (b) the package's own install script, where its host answers
//   (c) a libtensorflow in the directory that LIBTENSORFLOW_PATH names
//   (d) the libtensorflow inside TensorFlow's Python wheel, fetched by pip
//   (e) none: Souk serves with tfjs-wasm, and says so
// A binding counts only after a child process has loaded it and multiplied two matrices with it.
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  bindingPath,
  buildBinding,
  installBinding,
  cachedBindings,
  tfjsNode,
  tfjsVersion,
} from './binding.mjs';
import { libtensorflowAt, libtensorflowFromWheel } from './libtensorflow.mjs';
import { localCache, root } from './paths.mjs';
import { run } from './run.mjs';
import { writeAtomically } from './stamp.mjs';

const outcomeFile = join(localCache, 'engine.json');
const RETRY_A_FAILURE_AFTER_MS = 60 * 60_000;
const DOWNLOAD_HOST = 'https://storage.googleapis.com/tensorflow/';

/**
 * @param {{insist?: boolean, progress?: (text: string) => void}} options `insist` tries again although
 *   it failed a short while ago
 * @returns {Promise<{engine: 'tfjs-node' | 'tfjs-wasm', way: string, detail: string, isNew: boolean}>}
 */
export async function prepareEngine({ insist = false, progress = () => {} } = {}) {
  const known = readOutcome();
  if (known !== null && known.key === currentKey()) {
    const isYoung = Date.now() - Date.parse(known.at) < RETRY_A_FAILURE_AFTER_MS;
    if (known.engine === 'tfjs-node' || (isYoung && !insist)) return { ...known, isNew: false };
  }
  const reasons = [];
  for (const [way, attempt] of ways) {
    try {
      const detail = await attempt(progress);
      if (detail === null) continue;
      return record({ engine: 'tfjs-node', way, detail });
    } catch (error) {
      reasons.push(`${way}: ${error.message.split('\n')[0].slice(0, 200)}`);
    }
  }
  return record({ engine: 'tfjs-wasm', way: 'none', detail: reasons.join('; ') });
}

/** Each returns what was done in words, `null` when the way is not open here, or throws why it failed. */
const ways = [
  ['already there', async () => (existsSync(bindingPath) && (await loads()).ok ? 'loads as it is' : null)],
  [
    'cache',
    async () => {
      for (const { libtensorflow, binding } of cachedBindings()) {
        installBinding(libtensorflow, binding);
        if ((await loads()).ok) return `TensorFlow ${libtensorflow.version}, built earlier`;
      }
      return null;
    },
  ],
  ['own download', ownDownload],
  [
    'LIBTENSORFLOW_PATH',
    async (progress) => {
      const directory = process.env.LIBTENSORFLOW_PATH;
      return directory ? buildFrom(libtensorflowAt(directory), progress) : null;
    },
  ],
  ['Python wheel', async (progress) => buildFrom(await libtensorflowFromWheel(progress), progress)],
];

async function ownDownload(progress) {
  const isReachable = await fetch(DOWNLOAD_HOST, { method: 'HEAD', signal: AbortSignal.timeout(3000) }).then(
    () => true,
    () => false,
  );
  if (!isReachable) throw new Error(`${new URL(DOWNLOAD_HOST).host} cannot be reached`);
  progress('downloading libtensorflow');
  // The script calls node-pre-gyp by its bare name.
  const PATH = `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`;
  const options = { cwd: tfjsNode, env: { PATH }, deadlineMs: 10 * 60_000 };
  const result = await run(process.execPath, ['scripts/install.js'], options);
  if (!result.ok) throw new Error(lastLine(result.output));
  return mustLoad('downloaded by the package itself');
}

async function buildFrom(libtensorflow, progress) {
  progress(`compiling the binding for TensorFlow ${libtensorflow.version}`);
  installBinding(libtensorflow, await buildBinding(libtensorflow));
  return mustLoad(`TensorFlow ${libtensorflow.version}`);
}

async function mustLoad(detail) {
  const { ok, output } = await loads();
  if (!ok) throw new Error(`the binding does not load (${lastLine(output)})`);
  return detail;
}

function loads() {
  const env = { TF_CPP_MIN_LOG_LEVEL: '3' };
  return run(process.execPath, [join(root, 'scripts/setup/verify-engine.cjs')], { env, deadlineMs: 60_000 });
}

const lastLine = (text) => text.split('\n').filter(Boolean).at(-1) ?? 'no output';

/** What the outcome depends on. Libraries are links into a cache that may be emptied: hence their real files. */
function currentKey() {
  const fingerprint = (path) => {
    try {
      const { size, mtimeMs } = statSync(path);
      return `${realpathSync(path)}:${size}:${mtimeMs}`;
    } catch {
      return 'absent';
    }
  };
  const libraries = ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2', 'libtensorflow.so.2'];
  return [
    process.versions.modules,
    process.arch,
    tfjsVersion(),
    process.env.LIBTENSORFLOW_PATH ?? '',
    fingerprint(bindingPath),
    ...libraries.map((name) => fingerprint(join(tfjsNode, 'deps', 'lib', name))),
  ].join('|');
}

function readOutcome() {
  try {
    return JSON.parse(readFileSync(outcomeFile, 'utf8'));
  } catch {
    return null;
  }
}

function record(outcome) {
  const known = { ...outcome, key: currentKey(), at: new Date().toISOString() };
  writeAtomically(outcomeFile, `${JSON.stringify(known, null, 2)}\n`);
  return { ...known, isNew: true };
}
