/**
 * What exactly an evaluation does, decided once when it is asked for: how rows become inputs, how outputs are read,
 * which class has which index. Kept with the evaluation, so that a resumed one goes on in the same way. Pure.
 */
import type { DatasetColumn } from '../../importers/index.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { bytesPerElement, elementCount, type Signature, type TensorSpec } from '../../lib/tensor.js';
import type { Dataset } from './dataset.js';
import { invalidInput, type InvalidInput } from './errors.js';
import { planInputs, type ImageLayout, type InputMapping, type PlannedInput } from './plan-inputs.js';

export const READINGS = ['ARGMAX', 'THRESHOLD', 'LABEL', 'VALUE'] as const;
/** ARGMAX: scores of all classes. THRESHOLD: one score, of the second of two. LABEL: the class itself. VALUE: a measure. */
export type OutputReading = (typeof READINGS)[number];

export interface EvaluationOptions {
  readonly output?: string | null | undefined;
  readonly reading?: OutputReading | null | undefined;
  readonly threshold?: number | null | undefined;
  readonly logits?: boolean | null | undefined;
  readonly labels?: readonly string[] | null | undefined;
  readonly inputs?: readonly InputMapping[] | null | undefined;
  readonly scale?: number | null | undefined;
  readonly offset?: number | null | undefined;
  readonly layout?: ImageLayout | null | undefined;
  readonly batchRows?: number | null | undefined;
}

export interface Plan {
  readonly output: string;
  readonly reading: OutputReading;
  readonly threshold: number;
  readonly logits: boolean;
  /** By index of the class; empty for VALUE. */
  readonly labels: readonly string[];
  readonly inputs: readonly PlannedInput[];
  /** A number x of the dataset is given to the model as x · scale + offset. */
  readonly scale: number;
  readonly offset: number;
  readonly batchRows: number;
}

export type PlannedDataset = Pick<Dataset, 'rows' | 'columns' | 'labelKind' | 'classes'>;

/** What is known of the version beside its signature. */
export interface PlannedVersion {
  readonly signature: Signature;
  /** Milliseconds of a run of 32 rows, from the trial; `null` when not measured. */
  readonly batchComputeMs: number | null;
}

const MAX_BATCH_ROWS = 4_096;
const DEFAULT_BATCH_ROWS = 256;
/** A chunk should hold a worker no longer than this: it stands before others' predictions. */
const CHUNK_COMPUTE_MS = 100;
const TRIAL_BATCH_ROWS = 32;
const MAX_CHUNK_INPUT_BYTES = 8 * 1024 * 1024;
/** Beyond this the answer would not be kept under its idempotency key, and could not be replayed after a crash. */
const MAX_CHUNK_OUTPUT_BYTES = 3 * 1024 * 1024;
const MAX_LABELS = 1_000;
const MAX_LABEL_CHARACTERS = 200;

export function makePlan(
  dataset: PlannedDataset,
  version: PlannedVersion,
  options: EvaluationOptions,
): Result<Plan, InvalidInput> {
  const output = chooseOutput(version.signature, options.output ?? null);
  if (!output.ok) return output;
  const reading = chooseReading(dataset, output.value, options.reading ?? null);
  if (!reading.ok) return reading;
  const labels = chooseLabels(dataset, output.value, reading.value, options.labels ?? null);
  if (!labels.ok) return labels;
  const inputs = planInputs(version.signature, dataset.columns, options);
  if (!inputs.ok) return inputs;
  const [scale, offset, threshold] = [options.scale ?? 1, options.offset ?? 0, options.threshold ?? 0.5];
  for (const [name, value] of Object.entries({ scale, offset, threshold })) {
    if (!Number.isFinite(value)) return refuse(invalidInput([name], `${name} is a finite number.`));
  }
  const batchRows = chooseBatchRows(dataset.columns, version, inputs.value, options.batchRows ?? null);
  if (!batchRows.ok) return batchRows;
  return ok({
    output: output.value.name,
    reading: reading.value,
    threshold,
    logits: options.logits ?? false,
    labels: labels.value,
    inputs: inputs.value,
    scale,
    offset,
    batchRows: batchRows.value,
  });
}

function chooseOutput({ outputs }: Signature, name: string | null): Result<TensorSpec, InvalidInput> {
  const found = name === null ? outputs[0] : outputs.find((output) => output.name === name);
  const names = outputs.map((output) => `"${output.name}"`).join(', ');
  if (found === undefined)
    return refuse(invalidInput(['output'], `The version has no output "${name}"; it has ${names}.`));
  if (name === null && outputs.length > 1) {
    return refuse(invalidInput(['output'], `The version has the outputs ${names}; say which one is read.`));
  }
  return ok(found);
}

/** Elements of one row's output; `null` when the signature leaves them open. */
function rowElements({ shape }: TensorSpec): number | null {
  const rest = shape[0] === -1 ? shape.slice(1) : shape;
  return rest.includes(-1) ? null : elementCount(rest);
}

function chooseReading(
  dataset: PlannedDataset,
  output: TensorSpec,
  asked: OutputReading | null,
): Result<OutputReading, InvalidInput> {
  const { classes, labelKind } = dataset;
  const elements = rowElements(output);
  const isText = output.datatype === 'BYTES';
  const isWhole = /^U?INT/.test(output.datatype);
  const guess = (): OutputReading => {
    if (isText || (isWhole && elements === 1 && classes !== null)) return 'LABEL';
    if (classes === null) return 'VALUE';
    if (elements !== 1) return 'ARGMAX';
    return classes.length === 2 ? 'THRESHOLD' : 'VALUE';
  };
  const reading = asked ?? guess();
  const no = (message: string) => refuse(invalidInput(['reading'], message));
  if (reading === 'VALUE') {
    if (labelKind === 'TEXT')
      return no('The labels of the dataset are names, so the output cannot be read as a VALUE.');
    if (isText) return no('The output is text, which is read as a LABEL.');
  } else if (classes === null) {
    return no(
      `The labels of the dataset are measures or too many to be classes; read the output as a VALUE.`,
    );
  }
  if (isText && reading !== 'LABEL') return no('The output is text, which is read as a LABEL.');
  if (reading !== 'ARGMAX' && elements !== null && elements !== 1) {
    return no(
      `The output has ${elements} elements a row; ${reading} reads one. ARGMAX reads the scores of all classes.`,
    );
  }
  if (reading === 'ARGMAX' && elements !== null && elements !== output.shape.at(-1)) {
    return no(
      `The output has the shape [${output.shape.join(', ')}]; ARGMAX reads one list of scores a row.`,
    );
  }
  return ok(reading);
}

/**
 * Which class an index stands for. Without a list: labels that are the whole numbers below the number of scores are
 * their own index; otherwise the dataset's classes in their order, which must be as many as scores.
 */
function chooseLabels(
  dataset: PlannedDataset,
  output: TensorSpec,
  reading: OutputReading,
  asked: readonly string[] | null,
): Result<readonly string[], InvalidInput> {
  const no = (message: string) => refuse(invalidInput(['labels'], message));
  if (reading === 'VALUE') {
    return asked === null ? ok([]) : no('A VALUE has no classes; leave labels away.');
  }
  const found = (dataset.classes ?? []).map(({ label }) => label);
  const scores = reading === 'ARGMAX' ? rowElements(output) : reading === 'THRESHOLD' ? 2 : null;
  if (asked !== null) {
    if (
      asked.length < 1 ||
      asked.length > MAX_LABELS ||
      asked.some((label) => label.length > MAX_LABEL_CHARACTERS)
    ) {
      return no(`labels has 1 to ${MAX_LABELS} texts of at most ${MAX_LABEL_CHARACTERS} characters.`);
    }
    if (new Set(asked).size < asked.length) return no('labels names a class twice.');
    const missing = found.find((label) => !asked.includes(label));
    if (missing !== undefined) return no(`The dataset has rows of "${missing}", which is not among labels.`);
    if (scores !== null && scores !== asked.length)
      return no(`labels has ${asked.length} classes; the output scores ${scores}.`);
    return ok(asked);
  }
  if (scores === null) return ok(found);
  const areIndices =
    dataset.labelKind === 'NUMBER' && found.every((label) => /^\d+$/.test(label) && Number(label) < scores);
  if (areIndices && scores <= MAX_LABELS)
    return ok(Array.from({ length: scores }, (_, index) => String(index)));
  if (found.length === scores) return ok(found);
  return no(
    `The output scores ${scores} classes and the dataset has ${found.length}; give labels, in the order of the scores.`,
  );
}

function chooseBatchRows(
  columns: readonly DatasetColumn[],
  version: PlannedVersion,
  inputs: readonly PlannedInput[],
  asked: number | null,
): Result<number, InvalidInput> {
  if (asked !== null && !(Number.isInteger(asked) && asked >= 1 && asked <= MAX_BATCH_ROWS)) {
    return refuse(invalidInput(['batchRows'], `batchRows is a whole number from 1 to ${MAX_BATCH_ROWS}.`));
  }
  if (inputs.some(({ hasBatch }) => !hasBatch)) return ok(1);
  const inputBytes = sum(
    inputs.map((input) => elementCount(input.shape) * (bytesPerElement(input.datatype) ?? 64)),
  );
  const sourceBytes = sum(
    columns.map((one) => elementCount(one.shape) * (bytesPerElement(one.datatype) ?? 64)),
  );
  const outputBytes = sum(
    version.signature.outputs.map((one) => (rowElements(one) ?? 64) * (bytesPerElement(one.datatype) ?? 64)),
  );
  const { batchComputeMs } = version;
  const quick =
    batchComputeMs === null || batchComputeMs <= 0
      ? DEFAULT_BATCH_ROWS
      : Math.floor((CHUNK_COMPUTE_MS * TRIAL_BATCH_ROWS) / batchComputeMs);
  const wanted = asked ?? Math.min(DEFAULT_BATCH_ROWS, quick);
  const fitting = Math.floor(
    Math.min(MAX_CHUNK_INPUT_BYTES / Math.max(inputBytes, sourceBytes), MAX_CHUNK_OUTPUT_BYTES / outputBytes),
  );
  return ok(Math.max(1, Math.min(wanted, fitting)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 1);
}
