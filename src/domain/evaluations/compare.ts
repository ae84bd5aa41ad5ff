/** Two evaluations on the same rows, side by side. Pure. */
import type { EvaluationReport } from './report.js';
import { mcNemarPValue } from './mcnemar.js';
import type { Plan } from './plan.js';
import type { RowRecord, RowRecords } from './records.js';

export interface FigureDifference {
  /** As in the report, e.g. `accuracy`, `macro.f1`. */
  readonly figure: string;
  readonly a: number | null;
  readonly b: number | null;
  /** b - a; `null` when one of them is. */
  readonly difference: number | null;
}

export interface ChangedRow {
  readonly row: number;
  readonly label: string;
  readonly a: string | null;
  readonly b: string | null;
}

/** Rows by who is right. */
export interface Agreement {
  readonly bothRight: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly neither: number;
  /** Two-sided, exact: how likely a split of the disagreements at least as uneven is if a and b are equally good. */
  readonly mcNemarPValue: number;
}

export interface ComparedFigures {
  readonly rows: number;
  readonly figures: readonly FigureDifference[];
  /** `null` for regressions. */
  readonly agreement: Agreement | null;
  /** Where exactly one is right: the first 100; for regressions, where the squared errors differ most. */
  readonly changedRows: readonly ChangedRow[];
}

export interface ComparedSide {
  readonly plan: Pick<Plan, 'reading' | 'labels'>;
  readonly report: EvaluationReport;
  readonly records: RowRecords;
}

const MAX_CHANGED_ROWS = 100;

/** Both sides have finished the same rows, and both are classifications or both regressions. */
export function compareFigures(a: ComparedSide, b: ComparedSide): ComparedFigures {
  const figures = differences(a.report, b.report);
  const { rows } = a.records;
  if (a.plan.reading === 'VALUE')
    return { rows, figures, agreement: null, changedRows: largestChanges(a, b) };
  const counts = { bothRight: 0, onlyA: 0, onlyB: 0, neither: 0 };
  const changedRows: ChangedRow[] = [];
  for (let row = 0; row < rows; row++) {
    const [one, other] = [a.records.at(row), b.records.at(row)];
    const [isA, isB] = [isRight(one), isRight(other)];
    counts[isA ? (isB ? 'bothRight' : 'onlyA') : isB ? 'onlyB' : 'neither']++;
    if (isA !== isB && changedRows.length < MAX_CHANGED_ROWS) {
      changedRows.push({
        row,
        label: nameOf(a, one.actual) ?? '',
        a: nameOf(a, one.predicted),
        b: nameOf(b, other.predicted),
      });
    }
  }
  const agreement = { ...counts, mcNemarPValue: mcNemarPValue(counts.onlyA, counts.onlyB) };
  return { rows, figures, agreement, changedRows };
}

function isRight({ actual, predicted }: RowRecord): boolean {
  return actual === predicted;
}

function nameOf({ plan }: ComparedSide, index: number): string | null {
  return plan.labels[index] ?? null;
}

function largestChanges(a: ComparedSide, b: ComparedSide): readonly ChangedRow[] {
  const squared = ({ actual, predicted }: RowRecord) => (predicted - actual) ** 2;
  const changes = Array.from({ length: a.records.rows }, (_, row) => ({
    row,
    change: Math.abs(squared(a.records.at(row)) - squared(b.records.at(row))),
  }));
  return changes
    .filter(({ change }) => change > 0)
    .sort((one, other) => other.change - one.change || one.row - other.row)
    .slice(0, MAX_CHANGED_ROWS)
    .map(({ row }) => ({
      row,
      label: String(a.records.at(row).actual),
      a: String(a.records.at(row).predicted),
      b: String(b.records.at(row).predicted),
    }));
}

function differences(a: EvaluationReport, b: EvaluationReport): readonly FigureDifference[] {
  const other = new Map(figuresOf(b));
  return figuresOf(a).map(([figure, value]) => {
    const against = other.get(figure) ?? null;
    return {
      figure,
      a: value,
      b: against,
      difference: value === null || against === null ? null : against - value,
    };
  });
}

function figuresOf({ loss, accuracy, classification, regression, computeMs }: EvaluationReport) {
  const figures: [string, number | null][] =
    classification === null
      ? [
          ['meanSquaredError', regression?.meanSquaredError ?? null],
          ['rootMeanSquaredError', regression?.rootMeanSquaredError ?? null],
          ['meanAbsoluteError', regression?.meanAbsoluteError ?? null],
          ['r2', regression?.r2 ?? null],
        ]
      : [
          ['accuracy', accuracy],
          ['loss', loss],
          ...(['macro', 'weighted'] as const).flatMap((kind) =>
            (['precision', 'recall', 'f1'] as const).map((figure): [string, number] => [
              `${kind}.${figure}`,
              classification[kind][figure],
            ]),
          ),
          ...classification.topK.map(({ k, accuracy: of }): [string, number] => [`top${k}`, of]),
        ];
  return [...figures, ['computeMs', computeMs] as [string, number]];
}
