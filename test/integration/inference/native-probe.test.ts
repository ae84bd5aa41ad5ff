import { expect, it } from 'vitest';
import { RUNTIMES } from '../../../src/inference/index.js';
import { findCrashingEngines } from '../../../src/inference/native-probe.js';

const scriptThat = (code: string): URL => new URL(`../../fixtures/native-probe/${code}.mjs`, import.meta.url);

it('no engine of this machine crashes the process that loads it', async () => {
  expect(await findCrashingEngines(RUNTIMES, {})).toEqual([]);
});

it('an engine whose library ends its process is named, with the signal', async () => {
  expect(await findCrashingEngines(['tfjs-wasm', 'tfjs-node'], {}, scriptThat('dies'))).toEqual([
    {
      runtime: 'tfjs-node',
      available: false,
      reason: 'The native library tensorflow crashes the process that loads it (SIGILL).',
    },
  ]);
});

it('an engine that merely cannot be loaded is left to the worker to explain', async () => {
  expect(await findCrashingEngines(['tfjs-node'], {}, scriptThat('throws'))).toEqual([]);
});
