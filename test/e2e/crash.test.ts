/**
 * The short crash campaign: ten times a real server under load, its PostgreSQL or both at once are killed or stopped, on
 * one data directory. What is checked after each, from outside and in the tables, is in scripts/crash/checks.mjs and
 * tables.mjs; `npm run campaign:crash -- --rounds 100` is the long one.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/crash-campaign.mjs', import.meta.url));
const FAULTS = [
  'api-kill',
  'postgres-kill',
  'both-kill',
  'postgres-kill',
  'api-kill',
  'postgres-quit',
  'both-kill',
  'postgres-kill',
  'api-stop',
  'postgres-kill',
];

interface Round {
  readonly fault: string;
  readonly inFlightAtFault: number;
  readonly answered: number;
  readonly retriedKeys: number;
  readonly reservedBackMs: number;
}

it(
  'every answered prediction is charged exactly once, whatever is killed, and quotas are exact after',
  { timeout: 180_000 },
  async () => {
    // Other tests run at the same time; how fast is for the campaign on a machine of its own, how exact is for here.
    const options = ['--light', '--seconds', '0.5', '--within-ms', '30000', '--callers', '12'];
    const args = [script, '--rounds', `${FAULTS.length}`, '--faults', FAULTS.join(','), ...options];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 170_000 }).catch(
      (failure: { stdout: string; stderr: string }) => {
        throw new Error(`${failure.stdout}\n${failure.stderr}`);
      },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Round);
    const [summary] = lines.splice(-1);
    expect(summary).toMatchObject({ summary: true, rounds: FAULTS.length, broken: [] });
    expect(lines.map(({ fault }) => fault)).toEqual(FAULTS);
    // A campaign in which nothing was asked, or nothing was asked again, proves nothing.
    for (const { answered, retriedKeys, inFlightAtFault, reservedBackMs } of lines) {
      expect(answered).toBeGreaterThan(0);
      expect(retriedKeys).toBeGreaterThan(0);
      expect(inFlightAtFault).toBeGreaterThan(0);
      expect(reservedBackMs).toBeLessThan(60_000);
    }
  },
);
