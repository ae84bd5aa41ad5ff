import { describe, expect, it } from 'vitest';
import { bucketsSince, quantileMs, readBuckets } from '../../../scripts/top/quantiles.mjs';
import { renderReading } from '../../../scripts/top/render.mjs';

const page = (counts: readonly number[], labels: string) =>
  ['0.01', '0.1', '+Inf']
    .map((le, at) => `souk_prediction_duration_seconds_bucket{${labels},le="${le}"} ${counts[at]}`)
    .join('\n');

const reading = {
  at: '2026-01-01T00:00:00.000Z',
  url: 'http://127.0.0.1:4000',
  version: '1.0.0',
  isolation: 'PROCESS',
  threadsPerWorker: 1,
  walls: {
    ownMemory: true,
    networkCutOff: true,
    environmentHidden: true,
    memoryLimitBytes: 1024 * 1024 * 1024,
  },
  latency: { p50Ms: 3.21, p99Ms: null },
  rates: { answered: 12.345, batches: 4, loads: 0, evictions: 0, busy: { 'worker-0.1': 0.5 } },
  pool: {
    queued: 3,
    queueLimit: 1024,
    inFlight: 1,
    memoryBudgetBytesPerWorker: 100 * 1024 * 1024,
    workers: [
      {
        name: 'worker-0.1',
        state: 'busy',
        running: ['acme/digits:2'],
        residentModels: 1,
        residentBytes: 1024,
        runs: 7,
        replaced: 0,
        residents: [
          { packSha256: 'ab'.repeat(32), versions: [], runtime: 'TFJS_NODE', bytes: 1024, idleMs: 1500 },
        ],
      },
    ],
    queues: [{ tenant: null, queued: 3, bytes: 30, oldestMs: 120 }],
    counters: {
      admitted: 9,
      answered: 8,
      batches: 7,
      joined: 2,
      loads: 1,
      evictions: 0,
      retries: 0,
      crashes: 0,
      overruns: 0,
      refused: [{ code: 'OVERLOADED', count: 4 }],
    },
    quarantined: [
      {
        packSha256: 'cd'.repeat(32),
        versions: ['acme/bad:1'],
        quarantine: { reason: 'it said \u001b[31m\nred', crashes: 3, until: '2026-01-01T00:05:00.000Z' },
      },
    ],
  },
};

describe('latencies', () => {
  it('are of all models and tenants together', () => {
    const text = `${page([1, 2, 3], 'model="a",tenant="b"')}\n${page([0, 4, 4], 'model="c",tenant="d"')}`;
    expect(readBuckets(text)).toEqual([
      [0.01, 1],
      [0.1, 6],
      [Infinity, 7],
    ]);
  });

  it('are of the time since the last reading, and of all time after a restart', () => {
    const before = readBuckets(page([1, 2, 3], 'model="a"'));
    const after = readBuckets(page([1, 5, 7], 'model="a"'));
    expect(bucketsSince(before, after).map(([, count]) => count)).toEqual([0, 3, 4]);
    expect(bucketsSince(after, before)).toEqual(before);
  });

  it('lie between the bounds of their bucket; above the last bound they are that bound', () => {
    const buckets: [number, number][] = [
      [0.01, 50],
      [0.1, 99],
      [Infinity, 100],
    ];
    expect(quantileMs(buckets, 0.25)).toBeCloseTo(5);
    expect(quantileMs(buckets, 0.5)).toBeCloseTo(10);
    expect(quantileMs(buckets, 0.99)).toBeCloseTo(100);
    expect(quantileMs(buckets, 1)).toBeCloseTo(100);
    expect(quantileMs([], 0.5)).toBeNull();
  });
});

describe('the view', () => {
  it('has workers, queues, models in memory and what is quarantined', () => {
    const text = renderReading(reading, 200).join('\n');
    expect(text).toContain('answered 12.3/s');
    expect(text).toContain('p50 3.2 ms  p99 -');
    expect(text).toMatch(/^worker-0\.1 +busy +50% +7 +0 +1 +0\.0 MiB\/100 MiB +acme\/digits:2$/m);
    expect(text).toMatch(/^\(gone\) +3 /m);
    expect(text).toMatch(/^abababababab +TFJS_NODE +0\.0 MiB +1\.5 s +worker-0\.1$/m);
    expect(text).toContain('OVERLOADED 4');
    expect(text).toContain('no network');
    expect(text).toMatch(/^acme\/bad:1 +3 /m);
  });

  it('lets nothing that a model says steer the terminal', () => {
    for (const line of renderReading(reading, 200)) expect(line).not.toMatch(/[\u0000-\u001f]/);
  });

  it('is no wider than the terminal', () => {
    for (const line of renderReading(reading, 40)) expect(line.length).toBeLessThanOrEqual(40);
  });
});
