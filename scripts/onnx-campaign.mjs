// `npm run campaign:onnx -- FOLDER`: every ONNX test case below the folder (a directory with a model.onnx and
// test_data_set_N/input_M.pb, output_M.pb, as `backend-test-tools generate-data` and the model zoo write them) through
// the importer and the engine. One JSON line per case that is not equal, then a summary; exit code 1 when an answer
// differs, an accepted model cannot run, or anything crashes or hangs.
import { fork } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const CASE_TIMEOUT_MS = 60_000;
const BROKEN = ['DIFFERS', 'RUN_FAILED', 'FAULT', 'CRASHED', 'HANGS'];
/** Cases of the standard's own tests that ONNX Runtime 1.30 answers otherwise, or that nobody can answer twice. */
const KNOWN = new Map([
  [
    'test_resize_downsample_scales_cubic_align_corners',
    'rounds the output size before it aligns the corners',
  ],
  [
    'test_resize_downsample_scales_linear_align_corners',
    'rounds the output size before it aligns the corners',
  ],
  ['test_training_dropout', 'random'],
  ['test_training_dropout_mask', 'random'],
  ['test_training_dropout_default', 'random'],
  ['test_training_dropout_default_mask', 'random'],
]);
const RUNNER = fileURLToPath(new URL('./onnx/case-runner.mjs', import.meta.url));

const { values, positionals } = parseArgs({
  options: { match: { type: 'string', default: '' }, verbose: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) {
  console.error(
    'Name the folder with the test cases: npm run campaign:onnx -- FOLDER [--match TEXT] [--verbose]',
  );
  process.exit(2);
}

const cases = casesIn(folder).filter((directory) => directory.includes(values.match));
let runner = null;
process.on('exit', () => runner?.kill('SIGKILL'));

const counts = {};
for (const directory of cases) {
  const outcome = await runCase(directory);
  const reason = outcome.verdict === 'DIFFERS' ? KNOWN.get(basename(directory)) : undefined;
  const { verdict, detail } = reason === undefined ? outcome : { verdict: 'KNOWN', detail: reason };
  counts[verdict] = (counts[verdict] ?? 0) + 1;
  if (verdict !== 'EQUAL' || values.verbose)
    console.log(JSON.stringify({ case: basename(directory), verdict, detail }));
}
const broken = BROKEN.filter((verdict) => counts[verdict] > 0);
console.log(JSON.stringify({ summary: true, cases: cases.length, counts, broken }));
process.exit(broken.length === 0 ? 0 : 1);

function casesIn(directory) {
  if (existsSync(join(directory, 'model.onnx'))) return [directory];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => casesIn(join(directory, entry.name)))
    .sort();
}

function runCase(directory) {
  runner ??= fork(RUNNER, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const current = runner;
  return new Promise((resolve) => {
    const settle = (outcome) => {
      clearTimeout(deadline);
      current.removeAllListeners();
      resolve(outcome);
    };
    const replace = (verdict, detail) => {
      runner = null;
      current.kill('SIGKILL');
      settle({ verdict, detail });
    };
    const deadline = setTimeout(() => replace('HANGS', `${CASE_TIMEOUT_MS} ms`), CASE_TIMEOUT_MS);
    current.once('message', settle);
    current.once('exit', (code, signal) => replace('CRASHED', `the process ended with ${signal ?? code}`));
    current.send({ directory });
  });
}
