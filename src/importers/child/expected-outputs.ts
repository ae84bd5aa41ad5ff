/** What a model answered to the publisher's sample, against what the publisher expects of it. */
import { decodeBytesElements } from '../../inference/index.js';
import { fromFloat16Bits } from '../../lib/float16.js';
import { quoted } from '../../lib/raw-tensor.js';
import type { Tensor } from '../../lib/tensor.js';
import { matchByName, mismatch, readOne, type ReadSample } from './read-sample.js';

export interface ExpectedComparison {
  /** Names of those that were compared. */
  readonly outputs: readonly string[];
  /** In the measure of the tolerance: the difference as a share of the expected number, absolute where that is below 1. */
  readonly largestDifference: number;
}

/**
 * Whole numbers, truth values and texts must be the same, whatever the tolerance.
 * @throws Refused with SAMPLE_MISMATCH, naming output, index, what was found and what was expected
 */
export function compareWithExpected(
  answered: readonly Tensor[],
  { expected, tolerance }: Pick<ReadSample, 'expected' | 'tolerance'>,
): ExpectedComparison {
  let largestDifference = 0;
  const outputs: string[] = [];
  for (const [name, raw] of matchByName('output', answered, expected)) {
    const found = answered.find((tensor) => tensor.name === name);
    if (found === undefined) continue;
    const wanted = readOne('output', found, raw);
    outputs.push(name);
    largestDifference = Math.max(largestDifference, differenceOf(found, wanted, tolerance));
  }
  return { outputs, largestDifference };
}

/** Of two tensors of one datatype and shape. */
function differenceOf(found: Tensor, wanted: Tensor, tolerance: number): number {
  const isFloat = found.datatype.startsWith('FP');
  const [left, right] = [valuesOf(found), valuesOf(wanted)];
  let [first, wrong, largest] = [-1, 0, 0];
  for (let at = 0; at < right.length; at++) {
    const difference = isFloat
      ? distance(left[at] as number, right[at] as number)
      : left[at] === right[at]
        ? 0
        : Infinity;
    if (difference > tolerance) {
      if (first < 0) first = at;
      wrong++;
    }
    largest = Math.max(largest, difference);
  }
  if (first < 0) return largest;
  const where = found.shape.length === 0 ? '' : ` at [${indexOf(first, found.shape).join(', ')}]`;
  const [is, should] = [shown(left[first]), shown(right[first])];
  const allowed = isFloat ? ` (tolerance ${tolerance})` : '';
  const others = wrong === 1 ? '' : ` In all ${wrong} of ${right.length} elements differ.`;
  return mismatch(
    found.name,
    `The model answers the sample otherwise than expected: the output ${quoted(found.name)}${where} is ${is}; ` +
      `${should} is expected${allowed}.${others}`,
  );
}

function distance(found: number, wanted: number): number {
  if (found === wanted || (Number.isNaN(found) && Number.isNaN(wanted))) return 0;
  const difference = Math.abs(found - wanted) / Math.max(1, Math.abs(wanted));
  return Number.isFinite(difference) ? difference : Infinity;
}

function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

function valuesOf({ datatype, data }: Tensor): ArrayLike<number | bigint | string> {
  // A copy, so that it lies aligned.
  const { buffer } = data.slice();
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer);
    case 'UINT16':
      return new Uint16Array(buffer);
    case 'UINT32':
      return new Uint32Array(buffer);
    case 'UINT64':
      return new BigUint64Array(buffer);
    case 'INT8':
      return new Int8Array(buffer);
    case 'INT16':
      return new Int16Array(buffer);
    case 'INT32':
      return new Int32Array(buffer);
    case 'INT64':
      return new BigInt64Array(buffer);
    case 'FP16':
      return Float32Array.from(new Uint16Array(buffer), fromFloat16Bits);
    case 'FP32':
      return new Float32Array(buffer);
    case 'FP64':
      return new Float64Array(buffer);
    case 'BYTES':
      // One character a byte, so that texts which are no UTF-8 stay apart.
      return decodeBytesElements(data).map((element) => Buffer.from(element).toString('latin1'));
  }
}

const MAX_QUOTED_BYTES = 40;

function shown(value: number | bigint | string | undefined): string {
  if (typeof value === 'string')
    return quoted(Buffer.from(value.slice(0, MAX_QUOTED_BYTES), 'latin1').toString());
  // As many digits as single precision has.
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value);
}
