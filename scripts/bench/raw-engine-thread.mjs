// One thread of the raw engine: loads the pack once, then runs for as long as it is told.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createRuntime } from '../../dist/inference/worker/runtimes/index.js';

const { packPath, temporaryDirectory } = workerData;
const runtime = createRuntime(workerData.runtime, { temporaryDirectory });
await runtime.start();
const model = await runtime.load(readFileSync(packPath));

/** A run takes its inputs' memory for good, so each gets a copy; making it is not part of the run's time. */
const copy = (inputs) => inputs.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));

parentPort.on('message', async ({ inputs, seconds }) => {
  const values = [];
  for (const input of inputs) {
    const [output] = await model.run(copy(input));
    values.push(new Float32Array(output.data.slice().buffer));
  }
  const latencyMs = [];
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  for (let before = startedAt, at = 0; before < until; at++) {
    const input = copy(inputs[at % inputs.length]);
    before = performance.now();
    await model.run(input);
    latencyMs.push(performance.now() - before);
  }
  const elapsedMs = performance.now() - startedAt;
  parentPort.postMessage({ latencyMs: Float64Array.from(latencyMs), elapsedMs, values });
});
parentPort.postMessage('ready');
