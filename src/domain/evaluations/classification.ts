/** Figures of a classification. Pure. */
import { recordsOf, type RowRecords } from './records.js';
import { sumOf } from './sums.js';

export interface Averages {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface ClassFigures extends Averages {
  readonly label: string;
  /** Rows of this class. */
  readonly support: number;
  /** Rows that were predicted to be of it. */
  readonly predicted: number;
}

export interface Confusion {
  readonly label: string;
  /** `null`: a label that is none of the classes. */
  readonly predicted: string | null;
  readonly count: number;
}

export interface ClassificationFigures {
  readonly accuracy: number;
  /** Mean over the rows of -ln p(true class), natural logarithm; `null` without probabilities. */
  readonly crossEntropy: number | null;
  readonly topK: readonly { readonly k: number; readonly accuracy: number }[];
  readonly classes: readonly ClassFigures[];
  readonly macro: Averages;
  readonly weighted: Averages;
  /** `[actual][predicted]`; `null` for more than 100 classes. */
  readonly confusionMatrix: readonly (readonly number[])[] | null;
  /** The mistakes, most frequent first. */
  readonly confusions: readonly Confusion[];
  /** Rows whose prediction is none of the classes: beside the matrix, whose sum and this are all rows. */
  readonly otherPredictions: number;
}

export const MAX_MATRIX_CLASSES = 100;
const MAX_CONFUSIONS = 50;

/** Rows by actual and predicted class; only cells that occur. */
export function countCells(records: RowRecords): ReadonlyMap<number, ReadonlyMap<number, number>> {
  const cells = new Map<number, Map<number, number>>();
  for (const { actual, predicted } of recordsOf(records)) {
    const row = cells.get(actual) ?? new Map<number, number>();
    row.set(predicted, (row.get(predicted) ?? 0) + 1);
    cells.set(actual, row);
  }
  return cells;
}

/**
 * With TP, FP, FN of a class: precision TP/(TP+FP), recall TP/(TP+FN), F1 2TP/(2TP+FP+FN); 0 where nothing is divided
 * by nothing. Macro: their mean over the classes that occur or were predicted; weighted: by support. As scikit-learn's
 * `precision_recall_fscore_support(zero_division=0)` defines them.
 */
export function classificationFigures(
  records: RowRecords,
  labels: readonly string[],
  topK: readonly number[],
): ClassificationFigures {
  const cells = countCells(records);
  const count = (actual: number, predicted: number) => cells.get(actual)?.get(predicted) ?? 0;
  const support = labels.map((_, actual) => total(cells.get(actual)));
  const predicted = labels.map(() => 0);
  let otherPredictions = 0;
  for (const row of cells.values()) {
    for (const [index, rows] of row) {
      if (index in predicted) predicted[index] = (predicted[index] ?? 0) + rows;
      else otherPredictions += rows;
    }
  }
  const classes = labels.map((label, index): ClassFigures => {
    const right = count(index, index);
    const [of, as] = [support[index] ?? 0, predicted[index] ?? 0];
    return {
      label,
      precision: share(right, as),
      recall: share(right, of),
      f1: share(2 * right, of + as),
      support: of,
      predicted: as,
    };
  });
  const occurring = classes.filter((one) => one.support + one.predicted > 0);
  const trace = sumOf(labels.map((_, index) => count(index, index)));
  return {
    accuracy: share(trace, records.rows),
    crossEntropy: meanLoss(records),
    topK: topK.map((k) => ({ k, accuracy: share(rankedBelow(records, k), records.rows) })),
    classes,
    macro: averagesOf(occurring, () => 1),
    weighted: averagesOf(occurring, (one) => one.support),
    confusionMatrix:
      labels.length > MAX_MATRIX_CLASSES
        ? null
        : labels.map((_, actual) => labels.map((_other, index) => count(actual, index))),
    confusions: confusionsOf(cells, labels),
    otherPredictions,
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function total(row: ReadonlyMap<number, number> | undefined): number {
  return row === undefined ? 0 : sumOf(row.values());
}

function averagesOf(classes: readonly ClassFigures[], weightOf: (one: ClassFigures) => number): Averages {
  const weights = sumOf(classes.map(weightOf));
  const mean = (figure: keyof Averages) =>
    share(sumOf(classes.map((one) => one[figure] * weightOf(one))), weights);
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

function meanLoss(records: RowRecords): number | null {
  let isComplete = records.rows > 0;
  function* losses() {
    for (const { loss } of recordsOf(records)) {
      if (Number.isNaN(loss)) isComplete = false;
      yield loss;
    }
  }
  const sum = sumOf(losses());
  return isComplete ? sum / records.rows : null;
}

function rankedBelow(records: RowRecords, k: number): number {
  let rows = 0;
  for (const { rank } of recordsOf(records)) if (rank < k) rows++;
  return rows;
}

function confusionsOf(
  cells: ReadonlyMap<number, ReadonlyMap<number, number>>,
  labels: readonly string[],
): readonly Confusion[] {
  const mistakes = [...cells].flatMap(([actual, row]) =>
    [...row]
      .filter(([predicted]) => predicted !== actual)
      .map(([predicted, count]) => ({ actual, predicted, count })),
  );
  mistakes.sort((a, b) => b.count - a.count || a.actual - b.actual || a.predicted - b.predicted);
  return mistakes.slice(0, MAX_CONFUSIONS).map(({ actual, predicted, count }) => ({
    label: labels[actual] ?? '',
    predicted: labels[predicted] ?? null,
    count,
  }));
}
