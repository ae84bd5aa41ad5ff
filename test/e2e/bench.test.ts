/** `npm run bench`, as short as it can be: that it measures, that it says so in one object, and that nothing stays. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';

const script = fileURLToPath(new URL('../../scripts/bench.mjs', import.meta.url));
const KEYS = [
  'tiny.vsCeiling',
  'tiny.vsNaive',
  'cnn.batchingGain',
  'large.vsRaw',
  'image.overheadMs',
  'fair.quietP99',
  'added.p50Ms',
  'added.p99Ms',
  'load.neighbourP99',
  'crash.slotBackMs',
  'memory.growth',
];

interface Load {
  readonly ok: number;
  readonly latencyMs: { readonly p50: number };
  readonly cpuSeconds: { readonly server: number };
}
interface Report {
  readonly [key: string]: unknown;
  readonly raw: {
    readonly tiny: { readonly rounds: readonly { readonly raw: Record<string, readonly Load[]> }[] };
  };
}

const temporary = mkdtempSync(join(tmpdir(), 'souk-bench-test-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (told.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (told.stderr += String(chunk)));
  const closed = once(child, 'close') as Promise<[number | null]>;
  return { child, told, ended: closed.then(([code]) => code) };
}

describe('npm run bench', () => {
  it('measures an arm and prints one JSON object with every key', { timeout: 180_000 }, async () => {
    const { told, ended } = start('--json', '--only', 'tiny', '--rounds', '1', '--seconds', '1');
    expect(await ended, told.stderr).toBe(0);
    const report = JSON.parse(told.stdout) as Report;
    for (const key of KEYS) expect(report).toHaveProperty([key]);
    expect(report['tiny.vsCeiling']).toBeGreaterThan(0);
    expect(report['tiny.vsNaive']).toBeGreaterThan(0);
    expect(report['large.vsRaw']).toBeNull();
    const measured = report.raw.tiny.rounds[0]?.raw ?? {};
    expect(Object.keys(measured).sort()).toEqual(['ceiling', 'dense', 'naive']);
    for (const load of Object.values(measured).flat()) {
      expect(load.ok).toBeGreaterThan(0);
      expect(load.latencyMs.p50).toBeGreaterThan(0);
    }
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('stops at once when it is interrupted, and leaves nothing behind', { timeout: 120_000 }, async () => {
    const { child, told, ended } = start('--only', 'tiny', '--rounds', '1', '--seconds', '60');
    await until(() => told.stderr.includes('round 1'), { timeoutMs: 90_000 });
    child.kill('SIGINT');
    expect(await ended, told.stderr).toBe(130);
    expect(told.stdout).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('refuses what it does not know, before it starts anything', async () => {
    const { told, ended } = start('--only', 'huge');
    expect(await ended).toBe(2);
    expect(told.stderr).toMatch(/huge; there are tiny/);
  });
});
