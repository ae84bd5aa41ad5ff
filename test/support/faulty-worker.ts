/**
 * A worker whose engine misbehaves on command: the real message loop, with a runtime that reads its orders
 * from the input. Only tests build it (`faulty-worker-entry.ts`); nothing of it is shipped.
 */
import { execFileSync } from 'node:child_process';
import { parentPort, workerData } from 'node:worker_threads';
import { decodePack } from '../../src/inference/pack.js';
import type { RuntimeName } from '../../src/inference/types.js';
import type { WorkerSettings } from '../../src/inference/messages.js';
import type { LoadedModel, Runtime } from '../../src/inference/worker/runtimes/index.js';
import { serve } from '../../src/inference/worker/serve.js';
import { decodeBytesElements, encodeBytesElements } from '../../src/inference/tensors.js';
import { threadPort } from '../../src/inference/worker/thread-port.js';
import type { Tensor } from '../../src/lib/tensor.js';
import type { FaultyTopology, Order } from './faulty-worker-entry.js';

/** Engines that refuse to start; written in by the build. */
declare const UNAVAILABLE: readonly RuntimeName[];

async function obey(order: Order, inputs: readonly Tensor[]): Promise<Tensor[]> {
  switch (order.do) {
    case 'echo':
    case 'shrink':
      break;
    case 'exit':
      process.exit(1);
      break;
    case 'throw':
      throw new Error(`the model is unhappy with /etc/secret/file.txt`);
    case 'trap':
      throw Object.assign(new Error('memory access out of bounds'), { name: 'RuntimeError' });
    case 'hang':
      for (;;);
    case 'native-call':
      // Blocks the thread in native code, which terminate() cannot interrupt.
      execFileSync('sleep', [String(order.ms / 1000)]);
      break;
    case 'wait':
      await new Promise((resolve) => setTimeout(resolve, order.ms));
      break;
    case 'fill-heap': {
      const kept: object[] = [];
      for (;;) kept.push(Array.from({ length: 1000 }, (_, at) => ({ at })));
    }
  }
  return inputs.map((input) => ({ ...input }));
}

/** One order per row; the answer is the rows as they came. */
async function obeyRows(rows: Tensor): Promise<Tensor[]> {
  for (const row of decodeBytesElements(rows.data)) {
    const order = JSON.parse(Buffer.from(row).toString('utf8')) as Order;
    if (order.do === 'shrink') return [{ ...rows, shape: [1], data: encodeBytesElements([row]) }];
    await obey(order, []);
  }
  return [{ ...rows, data: new Uint8Array(rows.data) }];
}

function faultyRuntime(name: RuntimeName): Runtime {
  let tensors = 0;
  return {
    name,
    start: () =>
      UNAVAILABLE.includes(name)
        ? Promise.reject(new Error(`${name} has no library here.`))
        : Promise.resolve(),
    async load(pack): Promise<LoadedModel> {
      const decoded = decodePack(pack);
      if (!decoded.ok) throw new Error(decoded.error.message);
      const topology = decoded.value.header.modelTopology as FaultyTopology;
      if (topology.loadMs > 0) await new Promise((resolve) => setTimeout(resolve, topology.loadMs));
      tensors += 1;
      return {
        bytes: topology.bytes,
        run: (inputs) => {
          const [first] = inputs;
          if (first?.datatype === 'BYTES') return obeyRows(first);
          const order = JSON.parse(Buffer.from(first?.data ?? []).toString('utf8')) as Order;
          return obey(order, inputs);
        },
        dispose: () => {
          tensors -= 1;
        },
      };
    },
    memory: () => ({ tensors, bytes: 0 }),
  };
}

if (parentPort === null) throw new Error('This file is the entry of a worker thread.');
await serve(threadPort(parentPort), workerData as WorkerSettings, faultyRuntime);
