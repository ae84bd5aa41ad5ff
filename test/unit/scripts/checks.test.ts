import { describe, expect, it } from 'vitest';
// @ts-expect-error: plain JavaScript without types, since it runs before there are packages
import { countTests } from '../../../scripts/checks.mjs';

const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, testResults: [] };
const count = (ok: boolean, value: unknown): unknown =>
  (countTests as (ok: boolean, report: unknown) => unknown)(ok, value);

describe('the totals of npm test', () => {
  it('are those of the report when all went well', () => {
    expect(count(true, report)).toEqual({ passed: 5, failed: 0, skipped: 1 });
  });

  it('count a file that could not even begin', () => {
    const testResults = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    expect(count(false, { ...report, numFailedTests: 1, testResults })).toEqual({
      passed: 5,
      failed: 2,
      skipped: 1,
    });
  });

  it('count a run that failed although every test passed, and one that wrote no report', () => {
    expect(count(false, report)).toEqual({ passed: 5, failed: 1, skipped: 1 });
    expect(count(false, null)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
