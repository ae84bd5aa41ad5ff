/** The short campaign of cut uploads; `npm run campaign:uploads` is the long one, with 200. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/uploads-campaign.mjs', import.meta.url));

it(
  'files that are cut at random offsets arrive whole by tus-js-client, also when the server is killed',
  { timeout: 120_000 },
  async () => {
    const args = [script, '--uploads', '10', '--max-bytes', '1000000', '--at-once', '10', '--kills', '1'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 110_000 }).catch(
      (failure: { stdout: string; stderr: string }) => {
        throw new Error(`${failure.stdout}\n${failure.stderr}`);
      },
    );
    const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>;
    expect(summary).toMatchObject({ uploads: 10, equal: 10, kills: 1, broken: [] });
    // A campaign in which nothing was cut proves nothing.
    expect(summary['cuts']).toBeGreaterThan(5);
  },
);
