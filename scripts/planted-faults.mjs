// `npm run campaign:planted-faults`: the proof that the tests bite. Plants one fault after the other in a copy of the
// project, runs the tests that must notice it, and demands that one of them goes red. Prints a table; exit code 1 when
// a fault survives, cannot be planted any more, or when the tests are not green without one.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULTS } from './planted-faults/faults.mjs';
import { plant, whyStale } from './planted-faults/plant.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));
const COPIED = [
  'src',
  'prisma',
  'scripts',
  'test',
  'bin',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'schema.graphql',
];
const RUN_WITHIN_MS = 300_000;

const { values } = parseArgs({
  options: {
    // Names of faults, or parts of them; all when absent.
    only: { type: 'string' },
    // Leaves out the run without a fault.
    'skip-baseline': { type: 'boolean', default: false },
  },
});
const wanted = values.only?.split(',') ?? [''];
const faults = FAULTS.filter(({ name }) => wanted.some((part) => name.includes(part)));
if (faults.length === 0) {
  console.error(
    `No fault is called like ${values.only}. There are: ${FAULTS.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const copy = mkdtempSync(join(tmpdir(), 'souk-faults-'));
const end = (code) => {
  rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(130));

function run(command, args) {
  return new Promise((resolve) => {
    const options = { cwd: copy, timeout: RUN_WITHIN_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(command, args, options, (error, stdout, stderr) =>
      resolve({ error, text: `${stdout}\n${stderr}` }),
    );
  });
}

/** Runs test files; with `isBail` only until one fails. Answers which tests failed, or why nothing can be said. */
async function test(files, isBail) {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const { text } = await run(process.execPath, [
    vitest,
    'run',
    ...files,
    ...(isBail ? ['--bail', '1'] : []),
    '--reporter=json',
    `--outputFile=${report}`,
  ]);
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return { failed: [], passed: 0, broken: text.trim().split('\n').slice(-3).join(' ') };
  }
  const tests = results.flatMap(({ assertionResults }) => assertionResults);
  // A file that fails as a whole: its world could not even be made.
  const files_ = results.filter(
    (one) => one.status === 'failed' && one.assertionResults.every(({ status }) => status !== 'failed'),
  );
  return {
    failed: [
      ...tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      ...files_.map(({ name, message }) => `${name.replace(`${copy}/`, '')}: ${message.split('\n')[0]}`),
    ],
    passed: tests.filter(({ status }) => status === 'passed').length,
    broken: tests.every(({ status }) => status !== 'passed') ? text.trim().slice(-300) : null,
  };
}

async function prove(fault) {
  const stale = whyStale(copy, fault);
  if (stale !== null) return { outcome: 'STALE', by: stale };
  const takeOut = plant(copy, fault);
  try {
    if (fault.build === true) {
      const { error, text } = await run(process.execPath, ['scripts/build.mjs']);
      if (error !== null) return { outcome: 'BROKEN', by: `does not build: ${text.slice(-200)}` };
    }
    const { failed, passed, broken } = await test(fault.tests, true);
    if (failed.length > 0) return { outcome: 'red', by: failed[0] };
    if (broken !== null) return { outcome: 'BROKEN', by: broken };
    return { outcome: 'SURVIVED', by: `${passed} tests are green with it` };
  } finally {
    takeOut();
    if (fault.build === true) await run(process.execPath, ['scripts/build.mjs']);
  }
}

for (const name of COPIED) cpSync(join(project, name), join(copy, name), { recursive: true });
symlinkSync(realpathSync(join(project, 'node_modules')), join(copy, 'node_modules'));
const built = await run(process.execPath, ['scripts/build.mjs']);
if (built.error !== null) {
  console.error(built.text);
  end(1);
}

if (!values['skip-baseline']) {
  const files = [...new Set(faults.flatMap(({ tests }) => tests))];
  const { failed, passed, broken } = await test(files, false);
  if (failed.length > 0 || broken !== null || passed === 0) {
    console.error(`The tests are not green without a fault: ${[...failed, broken ?? ''].join('; ')}`);
    end(1);
  }
  console.log(`without a fault: ${passed} tests in ${files.length} files are green`);
}

const counts = {};
for (const fault of faults) {
  const startedAt = performance.now();
  const { outcome, by } = await prove(fault);
  counts[outcome] = (counts[outcome] ?? 0) + 1;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${outcome.padEnd(8)} ${fault.name.padEnd(44)} ${String(seconds).padStart(3)} s  ${by}`);
}
console.log(
  `${faults.length} faults planted: ${Object.entries(counts)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')}`,
);
end(counts.red === faults.length ? 0 : 1);
