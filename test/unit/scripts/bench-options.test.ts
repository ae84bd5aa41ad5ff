import { describe, expect, it } from 'vitest';
// @ts-expect-error: plain JavaScript without types
import { readOptions as untyped } from '../../../scripts/bench/options.mjs';

type Read =
  | { readonly ok: true; readonly options: Record<string, unknown> }
  | { readonly ok: false; readonly problem: string };
const ARMS = ['tiny', 'cnn', 'large'];
const read = (...args: string[]): Read => (untyped as (args: string[], arms: string[]) => Read)(args, ARMS);

describe('the options of npm run bench', () => {
  it('are three rounds of ten seconds of every arm when nothing is said', () => {
    expect(read()).toEqual({
      ok: true,
      options: { json: false, only: ARMS, rounds: 3, seconds: 10, keepGoing: false },
    });
  });

  it('take arms in the order of the table, each once', () => {
    expect(
      read('--only', 'large, tiny,large', '--rounds', '1', '--seconds=0.5', '--json', '--keep-going'),
    ).toEqual({
      ok: true,
      options: { json: true, only: ['tiny', 'large'], rounds: 1, seconds: 0.5, keepGoing: true },
    });
  });

  it.each([
    [['--only', 'tiny,huge'], /huge; there are tiny, cnn, large/],
    [['--rounds', '0'], /--rounds is 0/],
    [['--rounds', '1.5'], /--rounds is 1\.5/],
    [['--rounds', 'many'], /--rounds is many/],
    [['--seconds', '0'], /--seconds is 0/],
    [['--seconds', 'ten'], /--seconds is ten/],
    [['--fast'], /--fast/],
    [['tiny'], /tiny/],
  ])('refuse %j', (args, problem) => {
    const result = read(...args);
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? '' : result.problem).toMatch(problem);
  });
});
