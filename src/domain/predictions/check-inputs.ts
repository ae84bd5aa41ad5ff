/**
 * The inputs of a request against a version's signature: by name, datatype, shape and elements. Pure. Every tensor's
 * mistake is reported, each with its path; of a tensor's elements the first that is wrong.
 */
import { quoted, rawShape, readRawTensor, shown, type RawTensor } from '../../lib/raw-tensor.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import {
  bytesPerElement,
  elementCount,
  hasBatchDimension,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../../lib/tensor.js';
import { invalidInput, type InvalidInput } from './errors.js';
import { MAX_MISTAKES, MAX_SURPLUS_INPUTS, type InputLimits } from './limits.js';

export interface CheckedInputs {
  /** In the signature's order. */
  readonly tensors: readonly Tensor[];
  /** The batch dimension, or 1 for a signature without one. */
  readonly rows: number;
  /** Of all tensors. */
  readonly bytes: number;
}

/**
 * Tensors as the pool takes them, or all that is wrong with them.
 * @param hasRows the version's requests may share a run, so that the first dimensions are one batch; without, they
 *   may be any sizes that the model takes (`[m, k]` and `[k, n]`)
 */
export function checkInputs(
  signature: Signature,
  raw: readonly RawTensor[],
  limits: InputLimits,
  hasRows = true,
): Result<CheckedInputs, readonly InvalidInput[]> {
  const mistakes: InvalidInput[] = [];
  if (raw.length > signature.inputs.length + MAX_SURPLUS_INPUTS) {
    const found = `these are ${raw.length}`;
    return refuse([
      invalidInput(['inputs'], `The version has ${namesOf(signature.inputs)}; ${found} inputs.`),
    ]);
  }
  const given = matchNames(signature, raw, mistakes);

  const shapes = new Map<TensorSpec, readonly number[]>();
  for (const spec of signature.inputs) {
    const index = given.get(spec);
    if (index === undefined) continue;
    const shape = rawShape(spec, raw[index] as RawTensor, pathOf(index));
    if (shape.ok) shapes.set(spec, shape.value);
    else mistakes.push(shape.error);
  }
  const rows = hasRows ? checkBatch(signature, given, shapes, limits, mistakes) : commonRows(shapes);
  const fits = checkBytes(shapes, limits, mistakes);

  const tensors: Tensor[] = [];
  // Elements are read only when they fit: a shape may promise far more than the lists hold.
  for (const [spec, shape] of fits ? shapes : []) {
    const index = given.get(spec) as number;
    const tensor = readRawTensor(spec, raw[index] as RawTensor, shape, pathOf(index));
    if (tensor.ok) tensors.push(tensor.value);
    else mistakes.push(tensor.error);
  }
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.data.length, 0);
  if (fits && bytes > limits.maxBytes) mistakes.push(tooManyBytes(bytes, limits));
  return mistakes.length > 0 ? refuse(mistakes.slice(0, MAX_MISTAKES)) : ok({ tensors, rows, bytes });
}

function pathOf(index: number): readonly string[] {
  return ['inputs', String(index)];
}

/** What a request is told that names a signature which the version does not have. */
export function unknownSignature(
  { signatures }: { readonly signatures: ReadonlyMap<string, unknown> },
  name: string,
): InvalidInput {
  const known = [...signatures.keys()].slice(0, MAX_MISTAKES).map(quoted).join(', ');
  return invalidInput(['signature'], `The version has no signature named ${quoted(name)}; it has ${known}.`);
}

/** Which input of the request is which of the signature. */
function matchNames(
  { inputs }: Signature,
  raw: readonly RawTensor[],
  mistakes: InvalidInput[],
): Map<TensorSpec, number> {
  const given = new Map<TensorSpec, number>();
  const only = inputs.length === 1 ? inputs[0] : undefined;
  raw.forEach((tensor, index) => {
    const path = ['inputs', String(index), 'name'];
    const name = tensor.name ?? only?.name;
    if (name === undefined) {
      mistakes.push(invalidInput(path, `An input needs its name here; the version has ${namesOf(inputs)}.`));
      return;
    }
    const spec = inputs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      mistakes.push(
        invalidInput(path, `The version has no input named ${quoted(name)}; it has ${namesOf(inputs)}.`),
      );
    } else if (given.has(spec)) {
      mistakes.push(invalidInput(path, `The input ${quoted(name)} is given more than once.`));
    } else {
      given.set(spec, index);
    }
  });
  for (const spec of inputs) {
    if (given.has(spec)) continue;
    const expected = `${spec.datatype} of shape ${shown(spec.shape)}`;
    mistakes.push(invalidInput(['inputs'], `The input ${quoted(spec.name)} (${expected}) is missing.`));
  }
  return given;
}

/** Rows of the request. All inputs of a signature with a batch dimension must agree on it. */
function checkBatch(
  signature: Signature,
  given: ReadonlyMap<TensorSpec, number>,
  shapes: ReadonlyMap<TensorSpec, readonly number[]>,
  limits: InputLimits,
  mistakes: InvalidInput[],
): number {
  if (!hasBatchDimension(signature) || signature.inputs.length === 0) return 1;
  let first: { readonly name: string; readonly rows: number } | null = null;
  for (const [spec, shape] of shapes) {
    const rows = shape[0] as number;
    const path = ['inputs', String(given.get(spec)), 'shape'];
    first ??= { name: spec.name, rows };
    if (rows !== first.rows) {
      const other = `${quoted(first.name)} has ${first.rows}`;
      mistakes.push(
        invalidInput(path, `All inputs share one batch dimension: ${other}, ${quoted(spec.name)} ${rows}.`),
      );
    } else if (rows > limits.maxRows && first.name === spec.name) {
      mistakes.push(
        invalidInput(
          path,
          `A request may carry at most ${limits.maxRows} rows; this one has ${rows}. Send it in several predictions.`,
        ),
      );
    }
  }
  return first?.rows ?? 1;
}

/** Of inputs that need not agree: their first dimension where they do, else 1. */
function commonRows(shapes: ReadonlyMap<TensorSpec, readonly number[]>): number {
  const firsts = new Set([...shapes].map(([spec, [first]]) => (spec.shape[0] === -1 ? first : undefined)));
  const [rows] = firsts;
  return firsts.size === 1 && rows !== undefined ? rows : 1;
}

function checkBytes(
  shapes: ReadonlyMap<TensorSpec, readonly number[]>,
  limits: InputLimits,
  mistakes: InvalidInput[],
): boolean {
  let bytes = 0;
  // An element of BYTES takes 4 bytes and its content.
  for (const [spec, shape] of shapes) bytes += elementCount(shape) * (bytesPerElement(spec.datatype) ?? 4);
  if (bytes <= limits.maxBytes) return true;
  mistakes.push(tooManyBytes(bytes, limits));
  return false;
}

function tooManyBytes(bytes: number, { maxBytes }: InputLimits): InvalidInput {
  return invalidInput(
    ['inputs'],
    `The inputs of a request may take at most ${maxBytes} bytes; these take ${bytes}. Send them in several predictions.`,
  );
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.length === 0 ? 'no inputs' : specs.map((spec) => quoted(spec.name)).join(', ');
}
