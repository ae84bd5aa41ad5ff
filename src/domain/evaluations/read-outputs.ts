/** What a version answered, row by row, against the labels. Pure. */
import { textsOf } from '../../importers/index.js';
import { invalidInput } from '../../lib/invalid-input.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { elementCount, type Tensor } from '../../lib/tensor.js';
import { numbersOf } from './elements.js';
import type { Plan } from './plan.js';
import type { RowRecord } from './records.js';
import { scoreBinary, scoreClasses, type Scored } from './scores.js';

/** The outputs are not what the plan reads: the signature had left that open. */
export type OutputMismatch = Refusal<'INVALID_INPUT'>;

export function readOutputs(
  plan: Pick<Plan, 'output' | 'reading' | 'labels' | 'threshold' | 'logits'>,
  outputs: readonly Tensor[],
  labels: readonly string[],
): Result<readonly RowRecord[], OutputMismatch> {
  const output = outputs.find(({ name }) => name === plan.output);
  if (output === undefined) throw new Error(`The prediction has no output "${plan.output}".`);
  const rows = labels.length;
  const width = elementCount(output.shape) / rows;
  const expected = plan.reading === 'ARGMAX' ? plan.labels.length : 1;
  if (width !== expected) {
    return mismatch(
      `The output "${output.name}" has the shape [${output.shape.join(', ')}] for ${rows} rows; ${plan.reading} reads ${expected} elements a row.`,
    );
  }
  const indexOf = new Map(plan.labels.map((label, index) => [label, index]));
  const actual = labels.map((label) =>
    plan.reading === 'VALUE' ? Number(label) : (indexOf.get(label) ?? -2),
  );
  const unknown = actual.indexOf(-2);
  if (unknown >= 0)
    return mismatch(`The dataset has a row of "${labels[unknown]}", which is none of the classes.`);
  if (plan.reading === 'LABEL') {
    return ok(
      predictedTexts(output, rows).map((text, row) => {
        const predicted = indexOf.get(text) ?? -1;
        return { actual: actual[row] ?? -1, predicted, probability: NaN, loss: NaN, rank: NaN };
      }),
    );
  }
  if (output.datatype === 'BYTES')
    return mismatch(`The output "${output.name}" is text, which is read as a LABEL.`);
  const values = numbersOf(output.data, output.datatype);
  return ok(
    actual.map((index, row): RowRecord => {
      const score = values[row] ?? NaN;
      if (plan.reading === 'VALUE') {
        return { actual: index, predicted: score, probability: NaN, loss: (score - index) ** 2, rank: NaN };
      }
      const scored: Scored =
        plan.reading === 'THRESHOLD'
          ? scoreBinary(score, index, plan.threshold, plan.logits)
          : scoreClasses(values.subarray(row * width, (row + 1) * width), index, plan.logits);
      return { actual: index, ...scored };
    }),
  );
}

function predictedTexts(output: Tensor, rows: number): readonly string[] {
  const { data, datatype } = output;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (datatype === 'BYTES') return textsOf(bytes, rows);
  // As the dataset writes its labels; exact for every 64-bit integer.
  if (datatype === 'INT64')
    return Array.from({ length: rows }, (_, row) => bytes.readBigInt64LE(row * 8).toString());
  if (datatype === 'UINT64')
    return Array.from({ length: rows }, (_, row) => bytes.readBigUInt64LE(row * 8).toString());
  return Array.from(numbersOf(data, datatype), (value) => String(Object.is(value, -0) ? 0 : value));
}

function mismatch(message: string) {
  return refuse(invalidInput(['output'], message));
}
