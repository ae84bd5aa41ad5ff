/** What is kept of each row: five numbers, so that figures and comparisons need neither the dataset nor the outputs. */

/** Of a class: its index in the plan's labels; -1 for a prediction that is none of them. */
export interface RowRecord {
  /** Index of the true class, or the true value. */
  readonly actual: number;
  /** Index of the predicted class, or the predicted value. */
  readonly predicted: number;
  /** NaN when the model gives none. */
  readonly probability: number;
  /** NaN when there is none. */
  readonly loss: number;
  /** Classes that the model puts before the true one; NaN when it does not order them. */
  readonly rank: number;
}

const NUMBERS = 5;
export const BYTES_PER_RECORD = NUMBERS * 8;

export interface RowRecords {
  readonly rows: number;
  at(row: number): RowRecord;
}

export function encodeRecords(records: readonly RowRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * BYTES_PER_RECORD);
  let at = 0;
  for (const { actual, predicted, probability, loss, rank } of records) {
    for (const value of [actual, predicted, probability, loss, rank]) at = bytes.writeDoubleLE(value, at);
  }
  return bytes;
}

/** The records of consecutive chunks as one list. Nothing is copied. */
export function joinRecords(chunks: readonly Uint8Array[]): RowRecords {
  const starts: number[] = [];
  let rows = 0;
  const views = chunks.map((chunk) => {
    starts.push(rows);
    rows += chunk.byteLength / BYTES_PER_RECORD;
    return new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  });
  /** Callers walk on: the chunk is looked for from where the last row was. */
  let current = 0;
  return {
    rows,
    at(row) {
      if (row < (starts[current] ?? 0)) current = 0;
      while (current + 1 < starts.length && row >= (starts[current + 1] as number)) current++;
      const view = views[current];
      if (view === undefined || row < 0 || row >= rows) throw new RangeError(`There is no row ${row}.`);
      const at = (row - (starts[current] as number)) * BYTES_PER_RECORD;
      const number = (index: number) => view.getFloat64(at + index * 8, true);
      return {
        actual: number(0),
        predicted: number(1),
        probability: number(2),
        loss: number(3),
        rank: number(4),
      };
    },
  };
}

export function* recordsOf(records: RowRecords): Generator<RowRecord> {
  for (let row = 0; row < records.rows; row++) yield records.at(row);
}
