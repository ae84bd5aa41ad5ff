/**
 * What both tfjs engines share: pack -> tfjs model -> tensors in, tensors out.
 *
 * tfjs keeps one engine, with one current backend, per thread. A model's weights live on the backend that
 * was current when it was loaded, so the backend is set before every load and every run. Every run happens
 * in an engine scope that disposes all tensors it made, whatever happens: `numTensors` stays flat.
 */
import { createRequire } from 'node:module';
import type * as Tfjs from '@tensorflow/tfjs';
import type { Datatype, Tensor } from '../../../lib/tensor.js';
import { decodePack, type PackHeader } from '../../pack.js';
import { decodeBytesElements, encodeBytesElements, ownBuffer, toBytes, toTypedArray } from '../../tensors.js';
import { createGraphProgram } from './graph-program.js';
import { createLayersProgram } from './layers-program.js';
import { ModelLoadError, type EngineMemory, type LoadedModel } from './runtime.js';
import type { Tf, TfProgram } from './tfjs-program.js';

export interface TfjsHost {
  readonly tf: Tf;
  readonly backend: string;
}

// One `require`: tfjs, tfjs-node and the WebAssembly backend are CommonJS and must meet in one core.
export const requireFromHere = createRequire(import.meta.url);

/** tfjs without its banner ("looks like you are running TensorFlow.js in Node.js…"). */
export function requireTfjs(): Tf {
  const tf = requireFromHere('@tensorflow/tfjs') as Tf;
  tf.enableProdMode();
  return tf;
}

export function engineMemory(tf: Tf): EngineMemory {
  // Not tf.memory(): it asks the backend too, and tfjs-node answers only that its numbers are unreliable.
  const { numTensors, numBytes } = tf.engine().state;
  return { tensors: numTensors, bytes: numBytes };
}

async function useBackend(host: TfjsHost): Promise<void> {
  if (host.tf.getBackend() === host.backend) return;
  if (!(await host.tf.setBackend(host.backend))) {
    throw new Error(`The ${host.backend} backend could not be made current.`);
  }
}

const DTYPES: { readonly [D in Datatype]?: Tfjs.DataType } = {
  FP32: 'float32',
  INT32: 'int32',
  BOOL: 'bool',
  BYTES: 'string',
};

/** Loads a pack on the host's backend. The digest has been checked by the caller. */
export async function loadTfjsModel(host: TfjsHost, pack: Uint8Array): Promise<LoadedModel> {
  const decoded = decodePack(pack);
  if (!decoded.ok) throw new ModelLoadError(decoded.error.message);
  const { header, weights } = decoded.value;
  if (header.kind !== 'tfjs-layers' && header.kind !== 'tfjs-graph') {
    throw new ModelLoadError(
      `The pack is of the kind ${header.kind}; this engine runs TensorFlow.js models.`,
    );
  }
  checkSignature(header);
  await useBackend(host);

  const before = engineMemory(host.tf);
  const program = await createProgram(host.tf, header, weights);
  const bytes = engineMemory(host.tf).bytes - before.bytes;
  const ownedData = new Set(program.weights.map((weight) => weight.dataId));
  let disposed = false;

  return Object.freeze({
    bytes,
    async run(inputs: readonly Tensor[]): Promise<Tensor[]> {
      await useBackend(host);
      const engine = host.tf.engine();
      engine.startScope('run');
      try {
        const given = header.signature.inputs.map((spec, at) => toTf(host.tf, inputs[at], spec.name));
        const made = await program.run(given);
        const shared = new Set([...ownedData, ...given.map((tensor) => tensor.dataId)]);
        return header.signature.outputs.map((spec, at) => {
          const tensor = made[at];
          if (tensor === undefined) throw new Error(`The model gave no output ${spec.name}.`);
          return fromTf(host.tf, tensor, spec.name, spec.datatype, shared.has(tensor.dataId));
        });
      } finally {
        engine.endScope();
      }
    },
    dispose(): void {
      if (disposed) return;
      disposed = true;
      program.dispose();
    },
  });
}

/** A load that fails half-way must not leave the weights that it had made. */
async function createProgram(tf: Tf, header: PackHeader, weights: Uint8Array): Promise<TfProgram> {
  const engine = tf.engine();
  const variablesBefore = new Set(Object.values(engine.registeredVariables));
  engine.startScope('load');
  try {
    const program =
      header.kind === 'tfjs-layers'
        ? await createLayersProgram(tf, header, weights)
        : await createGraphProgram(tf, header, weights);
    for (const weight of program.weights) tf.keep(weight);
    return program;
  } catch (error) {
    // Scopes hold tensors, not the variables that layers make.
    for (const variable of Object.values(engine.registeredVariables)) {
      if (!variablesBefore.has(variable)) variable.dispose();
    }
    throw error;
  } finally {
    engine.endScope();
  }
}

function checkSignature(header: PackHeader): void {
  const { inputs, outputs } = header.signature;
  for (const spec of [...inputs, ...outputs]) {
    if (DTYPES[spec.datatype] === undefined) {
      throw new ModelLoadError(
        `Tensor ${spec.name} is ${spec.datatype}; the tfjs engines know FP32, INT32, BOOL and BYTES.`,
      );
    }
  }
  if (header.inputNodes.length !== inputs.length || header.outputNodes.length !== outputs.length) {
    throw new ModelLoadError('The pack names another number of tensors than its signature.');
  }
}

function toTf(tf: Tf, tensor: Tensor | undefined, name: string): Tfjs.Tensor {
  if (tensor === undefined) throw new Error(`Input ${name} is missing.`);
  const shape = [...tensor.shape];
  switch (tensor.datatype) {
    case 'FP32':
      return tf.tensor(toTypedArray('FP32', tensor.data), shape, 'float32');
    case 'INT32':
      return tf.tensor(toTypedArray('INT32', tensor.data), shape, 'int32');
    case 'BOOL':
      return tf.tensor(toTypedArray('BOOL', tensor.data), shape, 'bool');
    case 'BYTES':
      return tf.tensor(decodeBytesElements(tensor.data), shape, 'string');
    default:
      throw new Error(
        `Input ${name} is ${tensor.datatype}; the tfjs engines know FP32, INT32, BOOL and BYTES.`,
      );
  }
}

/** @param isShared the tensor's memory belongs to a weight or an input, so it must not be given away */
function fromTf(tf: Tf, tensor: Tfjs.Tensor, name: string, declared: Datatype, isShared: boolean): Tensor {
  const { shape } = tensor;
  if (tensor.dtype === 'string') {
    if (declared !== 'BYTES') throw new Error(wrongType(name, 'string', declared));
    // Not dataSync(): it decodes strings as UTF-8, which loses bytes that are none.
    const elements = tf.engine().readSync(tensor.dataId) as unknown as Uint8Array[];
    return { name, datatype: 'BYTES', shape, data: encodeBytesElements(elements) };
  }
  const values = widen(tensor.dataSync(), tensor.dtype, declared, name);
  const data = toBytes(values);
  return {
    name,
    datatype: declared,
    shape,
    data: new Uint8Array(isShared ? data.slice().buffer : ownBuffer(data)),
  };
}

type Values = Float32Array | Int32Array | Uint8Array;

/** tfjs kernels sometimes answer in a narrower type than the graph declares; widening loses nothing. */
function widen(values: Values, dtype: string, declared: Datatype, name: string): Values {
  if (DTYPES[declared] === dtype) return values;
  if (declared === 'FP32' && (dtype === 'int32' || dtype === 'bool')) return Float32Array.from(values);
  if (declared === 'INT32' && dtype === 'bool') return Int32Array.from(values);
  throw new Error(wrongType(name, dtype, declared));
}

function wrongType(name: string, found: string, declared: Datatype): string {
  return `Output ${name} came as ${found}; the signature says ${declared}.`;
}
