/** The result of an evaluation, made of the records of its rows. Pure. */
import { classificationFigures, type ClassificationFigures } from './classification.js';
import type { Plan } from './plan.js';
import { recordsOf, type RowRecord, type RowRecords } from './records.js';
import { regressionFigures, type RegressionFigures } from './regression.js';

export interface EvaluationExample {
  /** In the dataset, from 0. */
  readonly row: number;
  readonly label: string;
  /** `null`: a label that is none of the classes, or no number. */
  readonly predicted: string | null;
  /** What the model gave its prediction; `null` when it gives no probabilities. */
  readonly probability: number | null;
  /** The row's cross-entropy, or its squared error. */
  readonly loss: number | null;
}

export interface EvaluationReport {
  /** Rows that these figures are about. */
  readonly rows: number;
  /** Share of the rows that are right; `null` for a regression. */
  readonly accuracy: number | null;
  /** Mean cross-entropy, or mean squared error; `null` when the model gives none. */
  readonly loss: number | null;
  readonly classification: ClassificationFigures | null;
  readonly regression: RegressionFigures | null;
  /** The rows that are most wrong, the worst first. */
  readonly examples: readonly EvaluationExample[];
  /** Milliseconds of the runs of all chunks. */
  readonly computeMs: number;
  readonly findings: readonly string[];
}

const MAX_EXAMPLES = 20;
const TOP_K = [3, 5];

type ReportedPlan = Pick<Plan, 'reading' | 'labels' | 'logits'>;

export function makeReport(plan: ReportedPlan, records: RowRecords, computeMs: number): EvaluationReport {
  const shared = { rows: records.rows, computeMs };
  if (plan.reading === 'VALUE') {
    const regression = regressionFigures(records);
    return {
      ...shared,
      accuracy: null,
      loss: regression?.meanSquaredError ?? null,
      classification: null,
      regression,
      examples: worst(records, ({ predicted, actual }) => errorOf(predicted - actual)).map(
        ([row, record]) => ({
          row,
          label: String(record.actual),
          predicted: Number.isFinite(record.predicted) ? String(record.predicted) : null,
          probability: null,
          loss: finite((record.predicted - record.actual) ** 2),
        }),
      ),
      findings:
        regression === null ? ['Some predictions are NaN or infinite, so that no mean can be given.'] : [],
    };
  }
  const { labels } = plan;
  const ranks = plan.reading === 'ARGMAX' ? TOP_K.filter((k) => k < labels.length) : [];
  const classification = classificationFigures(records, labels, ranks);
  return {
    ...shared,
    accuracy: classification.accuracy,
    loss: classification.crossEntropy,
    classification,
    regression: null,
    examples: worst(records, wrongness).map(([row, { actual, predicted, probability, loss }]) => ({
      row,
      label: labels[actual] ?? '',
      predicted: labels[predicted] ?? null,
      probability: finite(probability),
      loss: finite(loss),
    })),
    findings: classificationFindings(plan, classification),
  };
}

function classificationFindings(plan: ReportedPlan, figures: ClassificationFigures): string[] {
  const findings: string[] = [];
  if (plan.reading !== 'LABEL' && figures.crossEntropy === null) {
    findings.push(
      plan.logits
        ? 'Some outputs are NaN or infinite, so that no cross-entropy can be given.'
        : 'The outputs are no probabilities (from 0 to 1, with the sum 1), so that no cross-entropy can be given. If they are unscaled scores, say logits: true.',
    );
  }
  if (figures.otherPredictions > 0) {
    findings.push(`${figures.otherPredictions} predictions are none of the classes; they count as wrong.`);
  }
  return findings;
}

/** Right rows are no examples; of wrong ones the loss decides, or how sure the model was. */
function wrongness({ actual, predicted, loss, probability }: RowRecord): number {
  if (actual === predicted) return -1;
  if (Number.isFinite(loss)) return loss;
  return Number.isFinite(probability) ? probability : 0;
}

/** NaN is the worst error of all. */
function errorOf(difference: number): number {
  if (difference === 0) return -1;
  return Number.isNaN(difference) ? Infinity : Math.abs(difference);
}

/** The rows with the highest wrongness, the highest first, of equals the earlier; below 0: none. */
function worst(
  records: RowRecords,
  of: (record: RowRecord) => number,
): readonly (readonly [number, RowRecord])[] {
  const found: { row: number; record: RowRecord; wrong: number }[] = [];
  let row = 0;
  for (const record of recordsOf(records)) {
    const wrong = of(record);
    const last = found.at(-1);
    if (wrong >= 0 && (found.length < MAX_EXAMPLES || (last !== undefined && wrong > last.wrong))) {
      found.push({ row, record, wrong });
      found.sort((a, b) => b.wrong - a.wrong || a.row - b.row);
      found.length = Math.min(found.length, MAX_EXAMPLES);
    }
    row++;
  }
  return found.map((one) => [one.row, one.record]);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
