// The checks that are not tests: one table, used by `npm test` and `npm run check`.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { localCache, modules, root } from './setup/paths.mjs';
import { run } from './setup/run.mjs';

const tool = (file, ...args) => [join(modules, file), ...args];

/** The longest first. */
const checks = {
  lint: tool('eslint/bin/eslint.js', '.', '--max-warnings', '0'),
  types: tool('typescript/bin/tsc', '-p', '.'),
  format: tool('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  schema: [join(root, 'scripts/check-schema.mjs')],
  'generated code': [join(root, 'scripts/generate.mjs'), '--check'],
};

/** As many cores as there are to be expected: each of the checks keeps one busy. */
const LANES = 2;

/** Runs all of them, two at a time, and prints what fails. */
export async function runChecks() {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const waiting = Object.entries(checks);
  async function lane() {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, args] = next;
      const startedAt = performance.now();
      const { ok, output } = await run(process.execPath, args, { deadlineMs: 5 * 60_000 });
      totals[ok ? 'passed' : 'failed']++;
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`${ok ? '✓' : '✗'} ${name} (${seconds} s)\n`);
      if (!ok) process.stdout.write(`${output}\n\n`);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  return totals;
}

/** Runs vitest with its own output, and counts from its report. `args` are passed on. */
export async function runTests(args) {
  const report = join(localCache, `test-report-${process.pid}.json`);
  const vitest = tool('vitest/vitest.mjs', 'run', ...args, '--reporter=default', '--reporter=json');
  const { ok } = await run(process.execPath, [...vitest, `--outputFile.json=${report}`], {
    deadlineMs: 30 * 60_000,
    onOutput: (chunk) => process.stdout.write(chunk),
  });
  const totals = countTests(ok, existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null);
  rmSync(report, { force: true });
  return totals;
}

/**
 * The totals of vitest's JSON report (`null`: it wrote none). A file that fails before its tests begin,
 * and a run that fails although every test passed (an unhandled rejection), count as one failure each.
 */
export function countTests(ok, report) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const failedFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  );
  const failed = report.numFailedTests + failedFiles.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

/** Prints the totals as the last line, and makes the exit code say the same. */
export function conclude(...parts) {
  const sum = (field) => parts.reduce((total, part) => total + part[field], 0);
  const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : '';
  process.exitCode = sum('failed') === 0 ? 0 : 1;
  process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped}\n`);
}
