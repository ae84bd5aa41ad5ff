/** Builds the misbehaving worker, and the packs and jobs that command it. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { InferenceJob, RunnableArtifact, RuntimeName } from '../../src/inference/index.js';
import type { Signature } from '../../src/lib/tensor.js';
import { encodeBytesElements } from '../../src/inference/tensors.js';
import { artifactIn, packOf } from './make-pack.js';

export type Order = (
  | { readonly do: 'echo' | 'inspect' | 'exit' | 'throw' | 'trap' | 'hang' | 'fill-heap' | 'shrink' }
  /** What only a worker in a process of its own may be told. */
  | { readonly do: 'abort' | 'leave-a-child' }
  | { readonly do: 'kill'; readonly signal: 'SIGKILL' | 'SIGSEGV' }
  | { readonly do: 'allocate'; readonly mebibytes: number; readonly keep: boolean }
  | { readonly do: 'native-call' | 'wait'; readonly ms: number }
) & {
  /** Tells orders apart. */
  readonly tag?: string;
};

/** The answer to `inspect`. */
export interface Surroundings {
  readonly pid: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Open files: number and what it is; of processes only. */
  readonly files: readonly string[];
  /** Names of the network interfaces. */
  readonly interfaces: readonly string[];
}

export interface FaultyTopology {
  readonly loadMs: number;
  readonly bytes: number;
}

/** Compiles the worker into a directory, which must outlive the pool that uses it, and returns its entry. */
export async function buildFaultyWorker(
  directory: string,
  options: { readonly unavailable?: readonly RuntimeName[] } = {},
): Promise<URL> {
  const outfile = join(mkdtempSync(join(directory, 'worker-')), 'main.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./faulty-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    define: { UNAVAILABLE: JSON.stringify(options.unavailable ?? []) },
    logLevel: 'warning',
  });
  return pathToFileURL(outfile);
}

const SIGNATURE: Signature = {
  inputs: [{ name: 'order', datatype: 'UINT8', shape: [-1] }],
  outputs: [{ name: 'order', datatype: 'UINT8', shape: [-1] }],
};

/** A model for the misbehaving worker. `seed` makes digests differ. */
export function faultyModel(
  directory: string,
  { seed = 'a', loadMs = 0, bytes = 100, runtime = 'tfjs-wasm' as RuntimeName } = {},
): RunnableArtifact {
  const pack = packOf(
    {
      kind: 'tfjs-graph',
      modelTopology: { seed, loadMs, bytes },
      weightSpecs: [],
      signature: SIGNATURE,
      inputNodes: [],
      outputNodes: [],
    },
    new Uint8Array(),
  );
  return artifactIn(directory, pack, runtime);
}

export function orderJob(
  artifact: RunnableArtifact,
  order: Order,
  rest: Partial<Pick<InferenceJob, 'timeoutMs' | 'signal' | 'fairnessKey' | 'weight' | 'priority'>> = {},
): InferenceJob {
  const data = new Uint8Array(Buffer.from(JSON.stringify(order), 'utf8'));
  return {
    artifact,
    signature: SIGNATURE,
    inputs: [{ name: 'order', datatype: 'UINT8', shape: [data.byteLength], data }],
    rows: 1,
    priority: 'NORMAL',
    fairnessKey: 'tenant-a',
    weight: 1,
    timeoutMs: 10_000,
    ...rest,
  };
}

const ROWS_SIGNATURE: Signature = {
  inputs: [{ name: 'orders', datatype: 'BYTES', shape: [-1] }],
  outputs: [{ name: 'orders', datatype: 'BYTES', shape: [-1] }],
};

/** One order per row: such jobs may share a run. The answer is the rows as they came. */
export function rowsJob(
  artifact: RunnableArtifact,
  orders: readonly Order[],
  rest: Partial<Pick<InferenceJob, 'timeoutMs' | 'signal' | 'fairnessKey' | 'weight' | 'priority'>> = {},
): InferenceJob {
  const data = encodeBytesElements(orders.map((order) => Buffer.from(JSON.stringify(order), 'utf8')));
  return {
    ...orderJob(artifact, { do: 'echo' }, rest),
    ...rest,
    artifact: { ...artifact, batchable: true },
    signature: ROWS_SIGNATURE,
    inputs: [{ name: 'orders', datatype: 'BYTES', shape: [orders.length], data }],
    rows: orders.length,
  };
}
