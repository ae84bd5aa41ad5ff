import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { builtEntry } from '../../../src/lib/built-entry.js';

it('a process that used the native engine ends with its own exit code, not by a fault in native code', async () => {
  const built = (path: string) =>
    JSON.stringify(builtEntry(new URL('../../../src/x.ts', import.meta.url).href, path).href);
  const code = `
    const { InferenceEngine } = await import(${built('./inference/index.js')});
    const { systemClock } = await import(${built('./lib/clock.js')});
    const { createLogger } = await import(${built('./lib/logger.js')});
    const engine = new InferenceEngine({
      logger: createLogger('silent'), clock: systemClock, workers: 1, runtimes: ['tfjs-node'],
      memoryBudgetBytes: 2 ** 30, queue: { maxQueued: 1 },
    });
    await engine.start();
    if (!engine.stats().workers[0].runtimes[0].available) process.exit(1);
    await engine.stop({ graceMs: 5000 });
    process.exit(7);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
  expect(await once(child, 'exit')).toEqual([7, null]);
});
