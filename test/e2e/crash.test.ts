/**
 * The short crash campaign: a real server under load is killed, stopped, and loses its database. What a campaign
 * checks is in scripts/crash/checks.mjs; `npm run campaign:crash -- --rounds 100` is the long one.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/crash-campaign.mjs', import.meta.url));

interface Round {
  readonly fault: string;
  readonly answered: number;
  readonly retriedKeys: number;
  readonly broken: readonly string[];
}

it(
  'every answered prediction is in the ledger exactly once, whatever is killed',
  { timeout: 120_000 },
  async () => {
    const faults = ['api-kill', 'postgres-quit', 'api-stop'];
    // Other tests run at the same time; how fast is for the campaign on a machine of its own, how exact is for here.
    const args = [
      script,
      '--rounds',
      '3',
      '--seconds',
      '1.5',
      '--within-ms',
      '20000',
      '--faults',
      faults.join(','),
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 110_000 }).catch(
      (failure: { stdout: string; stderr: string }) => {
        throw new Error(`${failure.stdout}\n${failure.stderr}`);
      },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Round);
    const [summary] = lines.splice(-1);
    expect(summary).toMatchObject({ summary: true, rounds: 3, broken: [] });
    expect(lines.map(({ fault }) => fault)).toEqual(faults);
    // A campaign in which nothing was asked, or nothing was asked again, proves nothing.
    for (const { answered, retriedKeys } of lines) {
      expect(answered).toBeGreaterThan(0);
      expect(retriedKeys).toBeGreaterThan(0);
    }
  },
);
