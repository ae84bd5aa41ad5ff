/** How ONNX Runtime is set up for one place of a pool, and what it says when it fails. */
import { availableParallelism } from 'node:os';
import { workerData } from 'node:worker_threads';
import { nativeGate, type NativeGate } from '../../native-gate.js';

/** Above this much input, a run is long enough that giving its memory back costs little. */
const SHRINK_ABOVE_BYTES = 8 * 2 ** 20;

/** What the pool that started this thread has put beside it; nothing in a process of its own. */
function given(): { readonly nativeThreads?: number; readonly nativeCalls?: SharedArrayBuffer } {
  return typeof workerData === 'object' && workerData !== null ? (workerData as object) : {};
}

/** Of this thread; in a process of its own nothing ends a call half-way but the kernel. */
export function gateOfThisThread(): NativeGate {
  return nativeGate(given().nativeCalls ?? null);
}

/** The share of the cores that the pool has set for each worker, or all of them when nobody has. */
function threads(): number {
  // A process of its own has the native engines' settings as its environment; TensorFlow reads them there itself.
  // eslint-disable-next-line no-restricted-properties
  const set = given().nativeThreads ?? Number(process.env['OMP_NUM_THREADS']);
  return Number.isInteger(set) && set >= 1 ? set : availableParallelism();
}

export function sessionOptions(): Readonly<Record<string, unknown>> {
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads(),
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    // Waiting threads would otherwise burn the cores that the other workers compute on.
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  };
}

/** Small runs reuse the memory of the last one; a large run would keep its peak for ever. */
export function runOptions(inputBytes: number): Readonly<Record<string, unknown>> {
  return inputBytes < SHRINK_ABOVE_BYTES
    ? {}
    : { extra: { memory: { enable_memory_arena_shrinkage: 'cpu:0' } } };
}

const MIB = 2 ** 20;
const MOST_COPIES = 3;

/**
 * What a model holds: the growth of the process while it was loaded, within what loading can explain, since other
 * threads grow at the same time. At least the model itself; at most with its weights packed anew for two kernels.
 */
export function memoryBytes(modelBytes: number, growthBytes: number): number {
  return Math.max(modelBytes, Math.min(growthBytes, MOST_COPIES * modelBytes + MIB));
}

const SOURCE_PLACE = /(?:[A-Za-z]:)?[\\/][^\s:]+\.(?:cc|h|cpp):\d+ /;

/** The runtime's message without the place in its source and the C++ signature that precede it. */
export function plainOrtMessage(message: string): string {
  let text = message;
  for (let found = SOURCE_PLACE.exec(text); found !== null; found = SOURCE_PLACE.exec(text)) {
    const rest = text.slice(found.index + found[0].length);
    text = text.slice(0, found.index) + rest.slice(endOfSignature(rest)).trimStart();
  }
  return text;
}

/** Behind the parentheses of the first call, which may nest; 0 when there are none. */
function endOfSignature(text: string): number {
  let depth = 0;
  for (let at = text.indexOf('('); at >= 0 && at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) {
      const note = /^ (?:const )?\[[^\]]*\]/.exec(text.slice(at + 1));
      return at + 1 + (note?.[0].length ?? 0);
    }
  }
  return 0;
}

/** One sentence for the operator when the library cannot be loaded. */
export function explainMissing(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('Cannot find module')) {
    return `onnxruntime-node has no library for ${process.platform} on ${process.arch}, or is not installed.`;
  }
  return `onnxruntime-node cannot be loaded: ${message.split('\n')[0] ?? ''}`;
}
