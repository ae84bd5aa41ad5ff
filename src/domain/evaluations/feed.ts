/** Rows of a dataset as the inputs of a version. */
import type { DatasetFile } from '../../importers/index.js';
import { DecodedBase64 } from '../../lib/decoded-base64.js';
import type { RawTensor } from '../../lib/raw-tensor.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { elementCount, type Tensor } from '../../lib/tensor.js';
import { bytesOf, numbersOf } from './elements.js';
import { invalidInput, type InvalidInput } from './errors.js';
import type { Plan } from './plan.js';
import type { PlannedInput } from './plan-inputs.js';

/** The inputs of `count` rows from row `from`. Refused when a number does not fit the input's datatype. */
export async function feedRows(
  file: DatasetFile,
  plan: Pick<Plan, 'inputs' | 'scale' | 'offset'>,
  from: number,
  count: number,
): Promise<Result<readonly RawTensor[], InvalidInput>> {
  const tensors: RawTensor[] = [];
  for (const input of plan.inputs) {
    const columns: Tensor[] = [];
    for (const index of input.columns) columns.push(await file.readColumn(index, from, count));
    const bytes = inputBytes(input, columns, plan, count);
    if (!(bytes instanceof Uint8Array)) {
      const row = from + Math.floor(bytes.badIndex / elementCount(input.shape));
      return refuse(
        invalidInput(
          ['inputs'],
          `Row ${row} has a number that the input "${input.name}" (${input.datatype}) cannot hold: ${bytes.value}.`,
        ),
      );
    }
    const batch = input.hasBatch ? [count] : input.hasUnitBatch ? [1] : [];
    tensors.push({
      name: input.name,
      datatype: input.datatype,
      shape: [...batch, ...input.shape],
      data: new DecodedBase64(bytes),
    });
  }
  return ok(tensors);
}

function inputBytes(
  input: PlannedInput,
  columns: readonly Tensor[],
  { scale, offset }: Pick<Plan, 'scale' | 'offset'>,
  rows: number,
): Uint8Array | { readonly badIndex: number; readonly value: number } {
  const [only] = columns;
  if (only === undefined) throw new Error(`The input ${input.name} has no column.`);
  const isPlain = columns.length === 1 && scale === 1 && offset === 0 && !input.channelsFirst;
  // As they are: nothing is rounded on the way, not even a 64-bit integer. The copy begins at the start of a buffer of its own.
  if (input.datatype === 'BYTES' || (isPlain && only.datatype === input.datatype))
    return new Uint8Array(only.data);
  const parts = columns.map((column) => {
    const values = numbersOf(column.data, column.datatype as Exclude<Tensor['datatype'], 'BYTES'>);
    return input.channelsFirst ? channelsFirst(values, column.shape) : values;
  });
  const values = parts.length === 1 ? (parts[0] as Float64Array) : sideBySide(parts, rows);
  if (scale !== 1 || offset !== 0) {
    for (let index = 0; index < values.length; index++)
      values[index] = (values[index] as number) * scale + offset;
  }
  const bytes = bytesOf(values, input.datatype);
  return bytes instanceof Uint8Array ? bytes : { ...bytes, value: values[bytes.badIndex] ?? NaN };
}

/** [rows, height, width, channels] to [rows, channels, height, width]. */
function channelsFirst(values: Float64Array, shape: readonly number[]): Float64Array {
  const [rows = 0, height = 0, width = 0, channels = 0] = shape;
  const pixels = height * width;
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    const start = row * pixels * channels;
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        turned[start + channel * pixels + pixel] = values[start + pixel * channels + channel] as number;
      }
    }
  }
  return turned;
}

/** The rows of each part after one another: [a, b] and [c] become [a, b, c]. */
function sideBySide(parts: readonly Float64Array[], rows: number): Float64Array {
  const width = parts.reduce((sum, part) => sum + part.length / rows, 0);
  const joined = new Float64Array(rows * width);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const part of parts) {
      const own = part.length / rows;
      joined.set(part.subarray(row * own, (row + 1) * own), at);
      at += own;
    }
  }
  return joined;
}
