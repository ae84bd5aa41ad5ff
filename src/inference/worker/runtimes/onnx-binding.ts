/** onnxruntime-node's native binding, loaded into this worker. */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type * as OrtCommon from 'onnxruntime-common';
import type { OrtTensor, OrtTensorClass } from './onnx-tensors.js';

/**
 * The package's own session answers every run from a later turn of the event loop. A worker runs one call at a
 * time and gains nothing from that, so sessions are made on the binding, as the package makes them itself.
 */
export interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength: number,
    options: Readonly<Record<string, unknown>>,
  ): void;
  readonly inputMetadata: readonly { readonly name: string }[];
  readonly outputMetadata: readonly { readonly name: string }[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, null>>,
    options: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, OrtTensor | undefined>>;
  dispose(): void;
}

export interface Ort {
  readonly InferenceSession: new () => NativeSession;
  readonly Tensor: OrtTensorClass;
}

const requireFromHere = createRequire(import.meta.url);
// Of dlopen(3); Node has no name for it.
const RTLD_NODELETE: Partial<Record<NodeJS.Platform, number>> = { linux: 0x1000, darwin: 0x80 };

/** @throws what loading the native library throws */
export function loadOrt(): Ort {
  const { env, Tensor } = requireFromHere('onnxruntime-common') as typeof OrtCommon;
  // What it has to say comes as an error; its log would show a stranger's texts to the operator.
  env.logLevel = 'fatal';
  const { binding, initOrt } = requireFromHere('onnxruntime-node/dist/binding.js') as {
    readonly binding: Pick<Ort, 'InferenceSession'>;
    readonly initOrt: () => void;
  };
  initOrt();
  keepLoaded();
  return { InferenceSession: binding.InferenceSession, Tensor };
}

/**
 * Keeps the library in the process after this worker has ended: Node unloads a worker's native code with the
 * worker, while threads and exit handlers of the library may still need theirs.
 */
function keepLoaded(): void {
  const flag = RTLD_NODELETE[process.platform];
  if (flag === undefined) return;
  const root = dirname(dirname(requireFromHere.resolve('onnxruntime-node')));
  const file = join(root, 'bin', 'napi-v6', process.platform, process.arch, 'onnxruntime_binding.node');
  process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW | flag);
}
