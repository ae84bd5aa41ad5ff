/**
 * The inputs on which engines must agree before one may stand in for another: random ones and those at the edges, for
 * one row and for five. A graph may be wrong only where a batch is larger, a number negative or an index the last.
 */
import { bytesPerElement, elementCount, type Datatype, type Tensor } from '../lib/tensor.js';
import { toFloat16Bits } from '../lib/float16.js';
import { fractions, resized } from './trial-tensors.js';

export interface ComparisonCase {
  /** For a sentence: "random values in 5 rows". */
  readonly what: string;
  readonly inputs: readonly Tensor[];
}

const ROWS = [1, 5];
/**
 * The largest that callers really send: pixels that nobody has scaled. Beyond, networks that were trained on small numbers
 * enlarge what every engine rounds.
 */
const LARGE = 255;

type Pattern = 'random values' | 'large values' | 'negative values' | 'zeros';

/** The likeliest to tell two engines apart come first: of a slow model fewer are compared. */
const PATTERNS: readonly Pattern[] = ['random values', 'large values', 'negative values', 'zeros'];

/**
 * @param inputs as the trial found that the model takes them; of one row each when `hasRows`
 * @param largestIndex for each input that holds places in a table, the last of them; else `null`
 */
export function comparisonCases(
  inputs: readonly Tensor[],
  largestIndex: readonly (number | null)[],
  hasRows: boolean,
): readonly ComparisonCase[] {
  const next = fractions(7);
  return PATTERNS.flatMap((pattern) =>
    (hasRows ? ROWS : [null]).map((rows): ComparisonCase => ({
      what: rows === null ? pattern : `${pattern} in ${rows} row${rows === 1 ? '' : 's'}`,
      inputs: inputs.map((input, at) => {
        const shape =
          rows === null || input.shape.length === 0 ? input.shape : [rows, ...input.shape.slice(1)];
        return filled(input, shape, pattern, largestIndex[at] ?? null, next);
      }),
    })),
  );
}

/** A scalar is a setting and no data, and a text is of a kind that the model reads: both stay as they are. */
function filled(
  input: Tensor,
  shape: readonly number[],
  pattern: Pattern,
  largest: number | null,
  next: () => number,
): Tensor {
  if (input.datatype === 'BYTES' || shape.length === 0) return resized(input, shape);
  const count = elementCount(shape);
  const isFloat = input.datatype.startsWith('FP') && largest === null;
  const numbers = Float64Array.from({ length: count }, () =>
    isFloat ? real(pattern, next) : whole(pattern, input.datatype === 'BOOL' ? 1 : (largest ?? 1), next),
  );
  return { ...input, shape, data: bytesOf(numbers, input.datatype) };
}

function real(pattern: Pattern, next: () => number): number {
  switch (pattern) {
    case 'random values':
      return next();
    case 'large values':
      return LARGE * (2 * next() - 1);
    case 'negative values':
      return -next();
    case 'zeros':
      return 0;
  }
}

/** 0 and 1 are class numbers, tokens and pixels alike; beyond them only what is known to be there. */
function whole(pattern: Pattern, largest: number, next: () => number): number {
  if (pattern === 'zeros') return 0;
  return pattern === 'large values' ? largest : Math.floor(next() * (largest + 1));
}

/** Little-endian, as the machine's own arrays are. Whole numbers are small and not negative. */
function bytesOf(numbers: Float64Array, datatype: Datatype): Uint8Array {
  if (datatype === 'FP64') return new Uint8Array(numbers.buffer);
  if (datatype === 'FP32') return new Uint8Array(Float32Array.from(numbers).buffer);
  if (datatype === 'FP16') return new Uint8Array(Uint16Array.from(numbers, toFloat16Bits).buffer);
  const width = bytesPerElement(datatype) ?? 1;
  const data = new Uint8Array(numbers.length * width);
  const view = new DataView(data.buffer);
  numbers.forEach((value, i) => {
    if (width === 1) view.setUint8(i, Math.min(value, 127));
    else if (width === 2) view.setUint16(i * 2, Math.min(value, 32_767), true);
    else view.setUint32(i * width, value, true);
  });
  return data;
}
