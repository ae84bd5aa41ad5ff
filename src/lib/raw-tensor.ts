/** A tensor as a caller sends it, against the specification that it is to fit. Pure. */
import { invalidInput } from './invalid-input.js';
import { isBase64, MAX_RANK, nestingOf, readBase64, readJson, type InvalidTensor } from './read-elements.js';
import { ok, refuse, type Result } from './result.js';
import { elementCount, type Datatype, type Tensor, type TensorSpec } from './tensor.js';

/** A tensor as a caller sends it; nothing about it has been checked. */
export interface RawTensor {
  /** May be absent when the version has one input. */
  readonly name?: string | null | undefined;
  readonly datatype?: Datatype | null | undefined;
  /** May be absent when the nesting of `data` shows it. */
  readonly shape?: readonly number[] | null | undefined;
  /** JSON elements, nested or flat, or base64 of row-major little-endian bytes (as text, or a `DecodedBase64`). */
  readonly data: unknown;
}

/**
 * The tensor's concrete shape: as given, or as its lists are nested.
 * @param path of the tensor in the caller's input
 */
export function rawShape(
  spec: TensorSpec,
  raw: RawTensor,
  path: readonly string[],
): Result<readonly number[], InvalidTensor> {
  const at = (field: string) => [...path, field];
  if (raw.datatype && raw.datatype !== spec.datatype) {
    return refuse(
      invalidInput(
        at('datatype'),
        `${quoted(spec.name)} is ${spec.datatype} in the signature, not ${raw.datatype}.`,
      ),
    );
  }
  if (raw.shape) return checkDimensions(spec, raw.shape, at('shape'));
  if (!isBase64(raw.data, spec.datatype)) return checkDimensions(spec, nestingOf(raw.data), at('data'));
  if (spec.shape.every((dimension) => dimension >= 0)) return ok(spec.shape);
  return refuse(
    invalidInput(at('shape'), `Base64 needs the shape of ${quoted(spec.name)}, as in ${shown(spec.shape)}.`),
  );
}

function checkDimensions(
  spec: TensorSpec,
  shape: readonly number[],
  path: readonly string[],
): Result<readonly number[], InvalidTensor> {
  const expected = () => `${quoted(spec.name)} has the shape ${shown(spec.shape)} (-1: any length)`;
  if (shape.length !== spec.shape.length) {
    const rank = shape.length > MAX_RANK ? `more than ${MAX_RANK}` : String(shape.length);
    const flat = shape.length === 1 && path.at(-1) === 'data' ? ' A flat list needs `shape` beside it.' : '';
    return refuse(
      invalidInput(
        path,
        `${expected()}: ${spec.shape.length} dimensions are expected, ${rank} found.${flat}`,
      ),
    );
  }
  for (const [i, dimension] of shape.entries()) {
    const wanted = spec.shape[i] as number;
    const isGood = Number.isInteger(dimension) && dimension >= 1 && (wanted === -1 || wanted === dimension);
    if (isGood) continue;
    const what = wanted === -1 ? 'at least 1' : String(wanted);
    const where = path.at(-1) === 'shape' ? [...path, String(i)] : path;
    return refuse(
      invalidInput(where, `${expected()}: ${what} is expected in dimension ${i}, ${dimension} found.`),
    );
  }
  return ok(shape);
}

/**
 * The tensor itself. Whoever bounds sizes does so with its shape before: a shape may promise far more than the lists hold,
 * which is found out before anything is allocated for it.
 * @param shape as `rawShape` found it
 * @param path of the tensor in the caller's input
 */
export function readRawTensor(
  spec: TensorSpec,
  raw: RawTensor,
  shape: readonly number[],
  path: readonly string[],
): Result<Tensor, InvalidTensor> {
  const data = readData(spec, raw, shape, [...path, 'data']);
  return data.ok ? ok({ name: spec.name, datatype: spec.datatype, shape, data: data.value }) : data;
}

function readData(
  spec: TensorSpec,
  { data }: RawTensor,
  shape: readonly number[],
  path: readonly string[],
): Result<Uint8Array, InvalidTensor> {
  const count = elementCount(shape);
  if (isBase64(data, spec.datatype)) {
    return readBase64(data, spec.datatype, count, path);
  }
  const lists = nestingOf(data);
  const isFlat = lists.length === 1 && lists[0] === count;
  const isNested = lists.length === shape.length && lists.every((length, i) => length === shape[i]);
  if (isFlat || isNested) return readJson(data, spec.datatype, lists, path);
  const found = lists.length === 0 ? 'a single value' : `lists nested as ${shown(lists.slice(0, MAX_RANK))}`;
  return refuse(
    invalidInput(
      path,
      `The shape ${shown(shape)} takes ${count} elements, nested like it or in one flat list; found ${found}.`,
    ),
  );
}

const MAX_QUOTED = 80;

/** A name from a caller or a model file: bounded, and nothing in it can break a line of a log. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_QUOTED ? `${name.slice(0, MAX_QUOTED)}…` : name);
}

export function shown(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
