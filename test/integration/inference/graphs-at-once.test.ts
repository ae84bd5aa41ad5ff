/** TensorFlow runs the graphs of all workers of a process on one pool of threads: none may hold up the others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { InferenceEngine, type InferenceJob, type RunnableArtifact } from '../../../src/inference/index.js';
import { decodePack } from '../../../src/inference/pack.js';
import type { Signature } from '../../../src/lib/tensor.js';
import { savedAndRead } from '../../support/compare-stacks.js';
import { float32, packOfModel } from '../../support/graph-models.js';
import { artifactIn, packOf, tf } from '../../support/make-pack.js';
import { silentLogger } from '../../support/silent-logger.js';
import { until } from '../../support/until.js';

const SIDE = 32;
const LONG_ROWS = 192;
/** Held up, the first would end with the long run, and that would be answered before the last. */
const SHORT_RUNS = 12;
const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, SIDE, SIDE, 16] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, SIDE, SIDE, 16] }],
};

const directory = mkdtempSync(join(tmpdir(), 'souk-at-once-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/**
 * A lowered model of one op, since threads change hands between ops: milliseconds for a row, a second for many. Each has
 * weights, and so a digest, of its own.
 */
async function graphModel(): Promise<RunnableArtifact> {
  const layer = tf.layers.conv2d({
    filters: 16,
    kernelSize: 31,
    padding: 'same',
    inputShape: [SIDE, SIDE, 16],
  });
  const model = await savedAndRead(tf.sequential({ layers: [layer] }));
  if (typeof model === 'string') throw new Error(model);
  const decoded = decodePack(
    packOfModel(model, { name: 'main', signature, inputNodes: [], outputNodes: [] }),
  );
  if (!decoded.ok) throw new Error(decoded.error.message);
  return artifactIn(directory, packOf(decoded.value.header, decoded.value.weights), 'tfjs-graph');
}

function jobOf(artifact: RunnableArtifact, rows: number, fairnessKey: string): InferenceJob {
  const values = Array.from({ length: rows * SIDE * SIDE * 16 }, () => 1);
  const inputs = [float32('x', [rows, SIDE, SIDE, 16], values)];
  return {
    artifact,
    signature,
    inputs,
    rows,
    fairnessKey,
    weight: 1,
    priority: 'NORMAL',
    timeoutMs: 60_000,
  };
}

it("a graph's long run on one worker does not hold up the graphs of another", async () => {
  const engine = new InferenceEngine({ logger: silentLogger(), isolation: 'thread', workers: 2 });
  await engine.start();
  try {
    const [long, short] = [await graphModel(), await graphModel()];
    for (const artifact of [long, short]) await engine.warm(artifact, signature);
    const order: string[] = [];
    const running = engine.infer(jobOf(long, LONG_ROWS, 'long')).then(({ ok }) => order.push(`long ${ok}`));
    await until(() => engine.stats().inFlight > 0);
    for (let run = 0; run < SHORT_RUNS; run++) {
      const { ok } = await engine.infer(jobOf(short, 1, 'short'));
      order.push(`short ${ok}`);
    }
    await running;
    expect(order).toEqual([...Array.from({ length: SHORT_RUNS }, () => 'short true'), 'long true']);
  } finally {
    await engine.stop({ graceMs: 1_000 });
  }
}, 60_000);
