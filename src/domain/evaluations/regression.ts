/** Figures of a regression. Pure. */
import { recordsOf, type RowRecords } from './records.js';
import { sumOf } from './sums.js';

export interface RegressionFigures {
  /** Mean of (prediction - label)². */
  readonly meanSquaredError: number;
  /** Its root, in the unit of the labels. */
  readonly rootMeanSquaredError: number;
  /** Mean of |prediction - label|. */
  readonly meanAbsoluteError: number;
  /**
   * Coefficient of determination, 1 - Σ(label - prediction)² / Σ(label - mean label)²: 1 is perfect, 0 no better than
   * always saying the mean; `null` when all labels are equal.
   */
  readonly r2: number | null;
}

/** `null` when a prediction is NaN or infinite: then no mean says anything. */
export function regressionFigures(records: RowRecords): RegressionFigures | null {
  const { rows } = records;
  if (rows === 0) return null;
  const meanSquaredError = mean(records, ({ actual, predicted }) => (predicted - actual) ** 2);
  if (!Number.isFinite(meanSquaredError)) return null;
  // Twice over the rows: the difference of large squares would lose what is looked for.
  const meanLabel = mean(records, ({ actual }) => actual);
  const variance = mean(records, ({ actual }) => (actual - meanLabel) ** 2);
  return {
    meanSquaredError,
    rootMeanSquaredError: Math.sqrt(meanSquaredError),
    meanAbsoluteError: mean(records, ({ actual, predicted }) => Math.abs(predicted - actual)),
    r2: variance > 0 ? 1 - meanSquaredError / variance : null,
  };
}

function mean(
  records: RowRecords,
  of: (record: { readonly actual: number; readonly predicted: number }) => number,
): number {
  function* values() {
    for (const record of recordsOf(records)) yield of(record);
  }
  return sumOf(values()) / records.rows;
}
