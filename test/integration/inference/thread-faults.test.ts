/** What only threads do: a native call cannot be ended, so its thread is left behind for a while. */
import { expect, it } from 'vitest';
import { codeOf, echoPools } from '../../support/echo-pool.js';
import { faultyModel, orderJob } from '../../support/faulty-worker-entry.js';
import { until } from '../../support/until.js';

const pools = echoPools('thread');

it('leaves at most the stated number of threads behind in native calls', async () => {
  const engine = await pools.start({ workers: 1, maxStuckThreads: 0, limits: { overrunGraceMs: 0 } });
  const model = faultyModel(pools.directory);
  await engine.warm(model);
  const startedAtMs = performance.now();

  await engine.infer(orderJob(model, { do: 'native-call', ms: 1_000 }, { timeoutMs: 100 }));
  await until(() => engine.stats().workers[0]?.state === 'waiting');
  expect(engine.stats().stuckThreads).toBe(1);
  expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');

  expect(performance.now() - startedAtMs).toBeGreaterThan(900);
  expect(engine.stats().stuckThreads).toBe(0);
});
