/** The publisher's sample as tensors of the model: only here is its signature known. */
import { quoted, rawShape, readRawTensor, type RawTensor } from '../../lib/raw-tensor.js';
import type { Signature, Tensor, TensorSpec } from '../../lib/tensor.js';
import { refuseImport } from '../refused.js';
import type { ImportSample } from '../types.js';

export interface ReadSample {
  /** In the order of the signature. */
  readonly tensors: readonly Tensor[];
  readonly expected: readonly RawTensor[];
  readonly tolerance: number;
}

/** @throws Refused with SAMPLE_MISMATCH, naming the input that does not fit */
export function readSample({ inputs }: Signature, sample: ImportSample): ReadSample {
  const given = matchByName('input', inputs, sample.inputs);
  const tensors = inputs.map((spec) => {
    const raw = given.get(spec.name);
    if (raw !== undefined) return readOne('input', spec, raw);
    const expected = `${spec.datatype} [${spec.shape.join(', ')}] (-1: any size)`;
    return mismatch(
      spec.name,
      `The model takes the input ${quoted(spec.name)}, ${expected}; the sample has none.`,
    );
  });
  return { tensors, expected: sample.outputs, tolerance: sample.tolerance };
}

/** Which tensor of the sample is which of the model. @throws Refused for one that is none of them, or given twice */
export function matchByName(
  side: 'input' | 'output',
  specs: readonly { readonly name: string }[],
  raw: readonly RawTensor[],
): ReadonlyMap<string, RawTensor> {
  const found = new Map<string, RawTensor>();
  const known = specs.map(({ name }) => quoted(name)).join(', ');
  for (const tensor of raw) {
    const name = tensor.name ?? (specs.length === 1 ? specs[0]?.name : undefined);
    if (name === undefined) {
      mismatch(null, `Each ${side} of the sample needs its name, because the model has several: ${known}.`);
    }
    if (!specs.some((spec) => spec.name === name)) {
      mismatch(name, `The sample has the ${side} ${quoted(name)}; the model has ${known}.`);
    }
    if (found.has(name)) mismatch(name, `The sample has the ${side} ${quoted(name)} more than once.`);
    found.set(name, tensor);
  }
  return found;
}

/** @throws Refused when it has another datatype, shape or kind of elements */
export function readOne(side: 'input' | 'output', spec: TensorSpec, raw: RawTensor): Tensor {
  const shape = rawShape(spec, raw, []);
  const tensor = shape.ok ? readRawTensor(spec, raw, shape.value, []) : shape;
  if (tensor.ok) return tensor.value;
  const { message, path } = tensor.error;
  const at = path === undefined || path.length === 0 ? '' : ` (at ${path.join('.')})`;
  return mismatch(spec.name, `The ${side} ${quoted(spec.name)} of the sample does not fit${at}: ${message}`);
}

export function mismatch(subject: string | null, message: string): never {
  return refuseImport('SAMPLE_MISMATCH', subject, message);
}
