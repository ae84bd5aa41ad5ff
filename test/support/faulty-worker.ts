/**
 * The echo engine: the real message loop, in a thread or in a process, with a runtime that gives its inputs back,
 * or misbehaves as the input orders. Only tests build it (`faulty-worker-entry.ts`); nothing of it is shipped.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { decodePack } from '../../src/inference/pack.js';
import type { RuntimeName } from '../../src/inference/types.js';
import type { WorkerSettings } from '../../src/inference/messages.js';
import type { LoadedModel, Runtime } from '../../src/inference/worker/runtimes/index.js';
import { processPort } from '../../src/inference/worker/process-port.js';
import { serve } from '../../src/inference/worker/serve.js';
import { decodeBytesElements, encodeBytesElements } from '../../src/inference/tensors.js';
import { threadPort } from '../../src/inference/worker/thread-port.js';
import type { Tensor } from '../../src/lib/tensor.js';
import type { FaultyTopology, Order, Surroundings } from './faulty-worker-entry.js';

/** Engines that refuse to start; written in by the build. */
declare const UNAVAILABLE: readonly RuntimeName[];

const kept: Buffer[] = [];

/** What a worker finds around itself, as text in a tensor. */
function inspect(): Tensor {
  const files = parentPort === null ? readdirSync('/proc/self/fd').map(linkOf) : [];
  const report: Surroundings = {
    pid: process.pid,
    environment: { ...(process.env as Record<string, string>) },
    files: files.filter((file) => file !== null),
    interfaces: Object.keys(networkInterfaces()),
  };
  const data = new Uint8Array(Buffer.from(JSON.stringify(report)));
  return { name: 'order', datatype: 'UINT8', shape: [data.length], data };
}

function linkOf(fd: string): string | null {
  try {
    return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
  } catch {
    // The one that lists the folder.
    return null;
  }
}

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
    case 'kill':
      process.kill(process.pid, order.signal);
      // It arrives when the loop turns.
      await new Promise(() => undefined);
      break;
    case 'abort':
      process.abort();
      break;
    case 'leave-a-child':
      execFileSync('/bin/sh', ['-c', 'sleep 600 >/dev/null 2>&1 &']);
      process.exit(1);
      break;
    case 'allocate': {
      const memory = Buffer.alloc(order.mebibytes * 2 ** 20, 1);
      if (order.keep) kept.push(memory);
      break;
    }
    case 'inspect':
      return [inspect()];
    case 'wait':
      await new Promise((resolve) => setTimeout(resolve, order.ms));
      break;
    case 'fill-heap': {
      const objects: object[] = [];
      for (;;) objects.push(Array.from({ length: 1000 }, (_, at) => ({ at })));
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

if (parentPort !== null) await serve(threadPort(parentPort), workerData as WorkerSettings, faultyRuntime);
else await serve(processPort(), JSON.parse(process.argv[2] ?? '') as WorkerSettings, faultyRuntime);
