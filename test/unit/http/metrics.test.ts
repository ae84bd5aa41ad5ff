import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics, type PoolReading, type PredictionObservation } from '../../../src/http/metrics.js';
import { SERIES_LIMITS } from '../../../src/http/prediction-metrics.js';

const observation: PredictionObservation = {
  outcome: 'OK',
  tenantId: 'ten_a',
  totalMs: 12,
  run: {
    model: 'acme/digits',
    runtime: 'tfjs-node',
    queueMs: 4,
    batchMs: 0.3,
    loadMs: 0,
    computeMs: 7,
    batchSize: 3,
  },
};

const pool: PoolReading = {
  workers: [
    {
      slot: 0,
      name: 'worker-0.2',
      state: 'ready',
      busyWith: null,
      residents: [{ digest: 'd', runtime: 'tfjs-node', bytes: 100, idleMs: 5 }],
      residentBytes: 100,
      runtimes: [],
      replaced: 1,
      generation: 2,
      runs: 9,
      busyMs: 1500,
    },
  ],
  queued: 3,
  queues: [{ fairnessKey: 'ten_a', queued: 3, bytes: 12, oldestMs: 250 }],
  queueLimit: 1024,
  inFlight: 1,
  stuckThreads: 0,
  quarantinedModels: 2,
  memoryBudgetBytesPerWorker: 1_000,
  counters: {
    admitted: 20,
    answered: 15,
    refused: {
      OVERLOADED: 4,
      DEADLINE_EXCEEDED: 1,
      CANCELLED: 0,
      WORKER_LOST: 0,
      LOAD_FAILED: 0,
      RUNTIME_FAILED: 0,
    },
    batches: 9,
    joined: 8,
    loads: 2,
    evictions: 1,
    retries: 1,
    crashes: 1,
    overruns: 0,
  },
};

function observed() {
  const metrics = createMetrics();
  metrics.observePool(() => pool);
  metrics.observeRequest('POST', '/graphql', 200, 5);
  metrics.observePrediction(observation);
  metrics.observePrediction({ outcome: 'OVERLOADED', tenantId: 'ten_b', totalMs: 1, run: null });
  return metrics;
}

async function page(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.render()).text.split('\n');
}

describe('the page', () => {
  it('counts a prediction that ran by model and tenant, in seconds', async () => {
    const lines = await page(observed());
    const labels = 'model="acme/digits",tenant="ten_a"';
    for (const line of [
      `souk_prediction_queue_seconds_bucket{${labels},le="0.0025"} 0`,
      `souk_prediction_queue_seconds_bucket{${labels},le="0.005"} 1`,
      `souk_prediction_queue_seconds_sum{${labels}} 0.004`,
      `souk_prediction_batch_seconds_count{${labels}} 1`,
      `souk_prediction_compute_seconds_sum{${labels}} 0.007`,
      `souk_prediction_duration_seconds_sum{${labels}} 0.012`,
      `souk_prediction_batch_requests_bucket{${labels},le="2"} 0`,
      `souk_prediction_batch_requests_bucket{${labels},le="4"} 1`,
      'souk_predictions_total{outcome="OK"} 1',
      'souk_predictions_run_total{runtime="tfjs-node"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('counts a load only where one was waited for', async () => {
    const metrics = observed();
    expect(await page(metrics)).toContain(
      'souk_prediction_load_seconds_count{model="acme/digits",tenant="ten_a"} 0',
    );
    if (observation.run === null) throw new Error('The observation ran.');
    metrics.observePrediction({ ...observation, run: { ...observation.run, loadMs: 800 } });
    expect(await page(metrics)).toContain(
      'souk_prediction_load_seconds_count{model="acme/digits",tenant="ten_a"} 1',
    );
  });

  it('counts a refusal by its code, and names neither model nor tenant', async () => {
    const metrics = createMetrics();
    metrics.observePrediction({ outcome: 'OVERLOADED', tenantId: 'ten_b', totalMs: 1, run: null });
    const { text } = await metrics.render();
    expect(text).toContain('souk_predictions_total{outcome="OVERLOADED"} 1');
    expect(text).toContain('souk_prediction_uncharged_duration_seconds_count{outcome="OVERLOADED"} 1');
    expect(text).not.toContain('ten_b');
  });

  it('reads the pool anew each time, once', async () => {
    const metrics = createMetrics();
    let reads = 0;
    metrics.observePool(() => ({ ...pool, queued: (reads += 1) }));
    expect(await page(metrics)).toContain('souk_pool_queued 1');
    const second = await page(metrics);
    for (const line of [
      'souk_pool_queued 2',
      'souk_pool_queue_limit 1024',
      'souk_pool_oldest_wait_seconds 0.25',
      'souk_pool_workers{state="ready"} 1',
      'souk_pool_resident_bytes{slot="0"} 100',
      'souk_pool_refusals_total{code="OVERLOADED"} 4',
      'souk_pool_evictions_total 1',
      'souk_pool_worker_busy_seconds_total{slot="0"} 1.5',
      'souk_pool_quarantined_models 2',
    ]) {
      expect(second).toContain(line);
    }
    expect(reads).toBe(2);
  });

  it('tells of the process too: its memory and how late its event loop is', async () => {
    const { text } = await observed().render();
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });

  it('has no metric twice, and no line that is not a sample or a comment', async () => {
    const lines = await page(observed());
    const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
    expect(new Set(types).size).toBe(types.length);
    for (const line of lines) {
      if (line !== '') expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z0-9_]+(\{.*\})? \S+)$/);
    }
  });

  it('stays within its bounds, however many models and tenants there are', async () => {
    const metrics = createMetrics();
    if (observation.run === null) throw new Error('The observation ran.');
    for (let i = 0; i < 20_000; i++) {
      const run = { ...observation.run, model: `m/${i}` };
      metrics.observePrediction({ ...observation, tenantId: `ten_${i % 200}`, run });
    }
    const { text } = await metrics.render();
    const counts = text.match(/^souk_prediction_queue_seconds_count\{.*\} (\d+)$/gm) ?? [];
    expect(counts.length).toBeLessThanOrEqual(SERIES_LIMITS.maxPairs + SERIES_LIMITS.maxTenants + 1);
    expect(counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(20_000);
    expect(text.length).toBeLessThan(2_000_000);
  });
});

it('an observation costs less than 2 µs', () => {
  const metrics = createMetrics();
  const ROUNDS = 20;
  const PER_ROUND = 5_000;
  let bestUs = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now();
    for (let i = 0; i < PER_ROUND; i++) metrics.observePrediction(observation);
    bestUs = Math.min(bestUs, ((performance.now() - startMs) / PER_ROUND) * 1000);
  }
  expect(bestUs).toBeLessThan(2);
});

it('the README lists every metric of ours as it is', async () => {
  const lines = await page(observed());
  const helps = lines.flatMap((line) => {
    const [, name, help] = /^# HELP (souk_\S+) (.+)$/.exec(line) ?? [];
    return name === undefined || help === undefined ? [] : [[name, help] as const];
  });
  const expected = helps.map(([name, help]) => {
    const type = lines.find((line) => line.startsWith(`# TYPE ${name} `))?.split(' ')[3];
    const sample = lines.find((line) => new RegExp(`^${name}(_count)?[{ ]`).test(line)) ?? '';
    const labels = [...sample.matchAll(/([a-z]+)="/g)].map(([, label]) => `\`${label}\``).join(', ');
    return [`\`${name}\``, type, labels, help].join(' | ');
  });
  const readme = readFileSync(new URL('../../../src/http/README.md', import.meta.url), 'utf8');
  const rows = readme
    .split('\n')
    .filter((line) => line.startsWith('| `souk_'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(' | '),
    );
  expect(rows.sort()).toEqual(expected.sort());
});
