import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/inference/worker/runtimes/index.js';
import { fp32, humanPack } from '../../support/make-pack.js';

it('tfjs-wasm serves without a trace of tfjs-node, as where the native library cannot be had', async () => {
  const lastResorts = () =>
    ['uncaughtException', 'unhandledRejection'].flatMap((event) => process.rawListeners(event));
  const before = lastResorts();
  const runtime = createRuntime('tfjs-wasm');
  // Three starts at once, of two engines in one thread.
  await Promise.all([runtime.start(), runtime.start(), createRuntime('tfjs-wasm').start()]);
  const model = await runtime.load(humanPack('liveness').bytes);

  const outputs = await model.run([fp32('x', [1, 32, 32, 3], new Float32Array(32 * 32 * 3))]);

  expect(outputs[0]?.shape).toEqual([1, 2]);
  const modules = Object.keys(createRequire(import.meta.url).cache);
  expect(modules.some((file) => file.includes('tfjs-backend-wasm'))).toBe(true);
  expect(modules.filter((file) => file.includes('tfjs-node'))).toEqual([]);
  // Its module adds some that end the process.
  expect(lastResorts()).toEqual(before);
  model.dispose();
});
