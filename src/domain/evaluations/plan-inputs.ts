/** Which columns of a dataset become which input of a version, and how their rows are arranged. Pure. */
import type { DatasetColumn } from '../../importers/index.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { elementCount, type Datatype, type Signature, type TensorSpec } from '../../lib/tensor.js';
import { invalidInput, type InvalidInput } from './errors.js';

export const IMAGE_LAYOUTS = ['NHWC', 'NCHW'] as const;
/** Where the model has the colours of a picture: last, or before its rows. */
export type ImageLayout = (typeof IMAGE_LAYOUTS)[number];

export interface InputMapping {
  readonly input: string;
  readonly columns: readonly string[];
}

export interface PlannedInput {
  readonly name: string;
  readonly datatype: Datatype;
  /** Of one row, as the model takes it. */
  readonly shape: readonly number[];
  /** Indices of the dataset's columns; several are set side by side. */
  readonly columns: readonly number[];
  /** Channels before height and width: the dataset has them last. */
  readonly channelsFirst: boolean;
  /** Whether rows share a run along the first dimension; otherwise each row is a run, with a first dimension of 1 or none. */
  readonly hasBatch: boolean;
  readonly hasUnitBatch: boolean;
}

export function planInputs(
  signature: Signature,
  columns: readonly DatasetColumn[],
  options: {
    readonly inputs?: readonly InputMapping[] | null | undefined;
    readonly layout?: ImageLayout | null | undefined;
  },
): Result<readonly PlannedInput[], InvalidInput> {
  const planned: PlannedInput[] = [];
  const asked = options.inputs ?? [];
  const unknown = asked.find(({ input }) => !signature.inputs.some(({ name }) => name === input));
  if (unknown !== undefined) {
    return refuse(
      invalidInput(
        ['inputs'],
        `The version has no input "${unknown.input}"; it has ${names(signature.inputs)}.`,
      ),
    );
  }
  for (const spec of signature.inputs) {
    const chosen = chooseColumns(spec, signature, columns, asked);
    if (!chosen.ok) return chosen;
    const fitted = fit(
      spec,
      chosen.value.map((index) => columns[index] as DatasetColumn),
      options.layout ?? null,
    );
    if (!fitted.ok) return fitted;
    planned.push({ name: spec.name, datatype: spec.datatype, columns: chosen.value, ...fitted.value });
  }
  return ok(planned);
}

/** What was asked; else the column of the same name; else, for the only input, all columns. */
function chooseColumns(
  spec: TensorSpec,
  { inputs }: Signature,
  columns: readonly DatasetColumn[],
  asked: readonly InputMapping[],
): Result<readonly number[], InvalidInput> {
  const mapping = asked.find(({ input }) => input === spec.name);
  if (mapping !== undefined) {
    const indices = mapping.columns.map((name) => columns.findIndex((column) => column.name === name));
    const at = indices.indexOf(-1);
    if (at < 0 && indices.length > 0) return ok(indices);
    const what = at < 0 ? 'names no column' : `names "${mapping.columns[at]}", which is not in the dataset`;
    return refuse(
      invalidInput(['inputs'], `The mapping of "${spec.name}" ${what}; it has ${names(columns)}.`),
    );
  }
  const same = columns.findIndex(({ name }) => name === spec.name);
  if (same >= 0) return ok([same]);
  if (inputs.length === 1) return ok(columns.map((_, index) => index));
  return refuse(
    invalidInput(
      ['inputs'],
      `No column is called like the input "${spec.name}"; the dataset has ${names(columns)}. Say with inputs which belong to it.`,
    ),
  );
}

type Fitted = Pick<PlannedInput, 'shape' | 'channelsFirst' | 'hasBatch' | 'hasUnitBatch'>;

function fit(
  spec: TensorSpec,
  columns: readonly DatasetColumn[],
  layout: ImageLayout | null,
): Result<Fitted, InvalidInput> {
  const isText = spec.datatype === 'BYTES';
  if (columns.some((column) => (column.datatype === 'BYTES') !== isText)) {
    const expected = isText ? 'texts' : 'numbers';
    const wrong = columns.find((column) => (column.datatype === 'BYTES') !== isText);
    return refuse(
      invalidInput(
        ['inputs'],
        `The input "${spec.name}" takes ${expected}, but the column "${wrong?.name}" does not hold them.`,
      ),
    );
  }
  if (isText && columns.length > 1) {
    return refuse(
      invalidInput(
        ['inputs'],
        `The input "${spec.name}" takes texts of one column; ${columns.length} were found.`,
      ),
    );
  }
  const first = columns[0];
  const source = columns.length === 1 && first !== undefined ? first.shape : [sum(columns)];
  const hasBatch = spec.shape[0] === -1;
  // With a batch of one in its signature a model takes one row a run; without any, the row is the whole input.
  const candidates: readonly (readonly [readonly number[], boolean])[] = hasBatch
    ? [[spec.shape.slice(1), false]]
    : spec.shape[0] === 1
      ? [
          [spec.shape.slice(1), true],
          [spec.shape, false],
        ]
      : [[spec.shape, false]];
  for (const [wanted, hasUnitBatch] of candidates) {
    const arranged = arrange(source, wanted, layout);
    if (arranged !== null) return ok({ ...arranged, hasBatch, hasUnitBatch });
  }
  return refuse(
    invalidInput(
      ['inputs'],
      `A row of ${names(columns)} has the shape [${source.join(', ')}], but the input "${spec.name}" takes [${spec.shape.join(', ')}].`,
    ),
  );
}

/** The row as it is; the channels first; or, with the same number of elements, in the model's shape. `null`: it does not fit. */
function arrange(
  source: readonly number[],
  wanted: readonly number[],
  layout: ImageLayout | null,
): Pick<PlannedInput, 'shape' | 'channelsFirst'> | null {
  const [height = 0, width = 0, channels = 0] = source;
  const isPicture = source.length === 3;
  const turned = [channels, height, width];
  if (layout !== 'NCHW' && matches(source, wanted)) return { shape: source, channelsFirst: false };
  if (layout !== 'NHWC' && isPicture && matches(turned, wanted))
    return { shape: turned, channelsFirst: true };
  const known = wanted.map((one) => (one === -1 ? 1 : one));
  const open = wanted.filter((one) => one === -1).length;
  const elements = elementCount(source);
  if (open > 1 || elements % elementCount(known) !== 0) return null;
  if (open === 0 && elementCount(known) !== elements) return null;
  const shape = wanted.map((one) => (one === -1 ? elements / elementCount(known) : one));
  // A picture is only flattened, or loses a single channel: any other reshaping would mix its pixels up.
  const isFlat = shape.filter((one) => one !== 1).length <= 1;
  const hasSameSides =
    channels === 1 &&
    shape.filter((one) => one !== 1).join() === [height, width].filter((one) => one !== 1).join();
  if (isPicture && !isFlat && !hasSameSides) return null;
  return { shape, channelsFirst: isPicture && layout === 'NCHW' };
}

function matches(source: readonly number[], wanted: readonly number[]): boolean {
  return source.length === wanted.length && wanted.every((one, axis) => one === -1 || one === source[axis]);
}

function sum(columns: readonly DatasetColumn[]): number {
  return columns.reduce((total, { shape }) => total + elementCount(shape), 0);
}

function names(specs: readonly { readonly name: string }[]): string {
  const shown = specs.slice(0, 8).map(({ name }) => `"${name}"`);
  return specs.length > 8 ? `${shown.join(', ')} and ${specs.length - 8} more` : shown.join(', ');
}
