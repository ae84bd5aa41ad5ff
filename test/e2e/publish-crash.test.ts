/**
 * The short campaign: a real server is killed while it tries a model, and between a version and its commit. All steps,
 * on both kinds of database, and 50 parallel publishes: `npm run campaign:publish`.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/publish-crash-campaign.mjs', import.meta.url));
const STEPS = ['TRYING', 'version-not-committed'];

interface Line {
  readonly step?: string;
  readonly attempts?: number;
  readonly broken: readonly string[];
}

it(
  'a publish that SIGKILL interrupts becomes a version after the restart, and leaves no bytes without a row',
  { timeout: 240_000 },
  async () => {
    const args = [script, '--databases', 'own', '--parallel', '0', '--steps', STEPS.join(',')];
    // Other tests run at the same time; how soon is for the campaign on a machine of its own.
    args.push('--within-ms', '60000');
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 230_000 }).catch(
      (failure: { stdout: string; stderr: string }) => {
        throw new Error(`${failure.stdout}\n${failure.stderr}`);
      },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const [summary] = lines.splice(-1);
    expect(summary).toMatchObject({ summary: true, kills: STEPS.length, broken: [] });
    // Begun before the kill and again after it: a campaign that interrupts nothing proves nothing.
    expect(lines.map(({ step, attempts }) => [step, attempts])).toEqual(STEPS.map((step) => [step, 2]));
  },
);
