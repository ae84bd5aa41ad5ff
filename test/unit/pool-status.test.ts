import { expect, it } from 'vitest';
import type { PoolStats } from '../../src/inference/index.js';
import { poolStatusOf } from '../../src/pool-status.js';

const now = new Date('2026-01-01T00:00:00.000Z');

const stats: PoolStats = {
  isolation: 'thread',
  walls: { ownMemory: false, networkCutOff: false, environmentHidden: false, memoryLimitBytes: null },
  threadsPerWorker: 1,
  scheduling: 'fair',
  maxBatchRows: 64,
  state: 'running',
  workers: [
    {
      slot: 0,
      name: null,
      state: 'waiting',
      busyWith: null,
      residents: [
        { digest: 'old', runtime: 'tfjs-node', bytes: 1, idleMs: 50 },
        { digest: 'new', runtime: 'tfjs-node', bytes: 2, idleMs: 5 },
      ],
      residentBytes: 3,
      runtimes: [{ runtime: 'tfjs-wasm', available: false, reason: 'No.' }],
      replaced: 1,
      generation: 1,
      runs: 0,
      busyMs: 0,
    },
  ],
  queued: 100,
  queues: Array.from({ length: 30 }, (_, i) => ({
    fairnessKey: `ten_${i}`,
    queued: i,
    bytes: 1,
    oldestMs: i,
  })),
  inFlight: 0,
  stuckThreads: 0,
  quarantinedModels: 1,
  quarantined: [{ digest: 'bad', crashes: 3, reason: 'it crashed', remainingMs: 60_000 }],
  memoryBudgetBytesPerWorker: 10,
  counters: {
    admitted: 1,
    answered: 1,
    refused: {
      OVERLOADED: 2,
      DEADLINE_EXCEEDED: 0,
      CANCELLED: 0,
      WORKER_LOST: 0,
      LOAD_FAILED: 0,
      RUNTIME_FAILED: 0,
    },
    batches: 1,
    joined: 0,
    loads: 1,
    evictions: 0,
    retries: 0,
    crashes: 0,
    overruns: 0,
  },
};

const status = poolStatusOf(stats, {
  queueLimit: 1024,
  now,
  describe: ({ runtime, available, reason }) => ({ runtime, available, detail: reason ?? 'it runs' }),
});

it('the twenty longest queues are shown, the longest first', () => {
  expect(status.queues.map(({ queued }) => queued)).toEqual(Array.from({ length: 20 }, (_, i) => 29 - i));
});

it('a place without a worker has the name of the place', () => {
  expect(status.workers[0]).toMatchObject({ name: 'slot-0', state: 'waiting', residentModels: 2 });
});

it('models in memory come last used first', () => {
  expect(status.workers[0]?.residents.map(({ packDigest }) => packDigest)).toEqual(['new', 'old']);
});

it('a quarantine says when it ends', () => {
  expect(status.quarantined).toEqual([
    {
      packDigest: 'bad',
      quarantine: { reason: 'it crashed', crashes: 3, until: new Date('2026-01-01T00:01:00.000Z') },
    },
  ]);
});

it('refusals are listed by code', () => {
  expect(status.counters.refused).toContainEqual({ code: 'OVERLOADED', count: 2 });
});
