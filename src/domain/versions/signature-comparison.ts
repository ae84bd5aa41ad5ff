/**
 * What a changed signature means for callers of the old one. Pure. Inputs are contravariant: a new version may ask for
 * less, never for more. Outputs are covariant: it may promise more, never less.
 *
 * Inputs are matched by name, as requests are, so their order does not matter. Outputs are answered in the order of the
 * signature, and callers read them by place as well: those of before must come first, in their order. A datatype is part
 * of what callers send and read (it may be stated, and base64 depends on it), so any other one breaks.
 */
import { quoted, shown } from '../../lib/raw-tensor.js';
import { hasBatchDimension, type Signature, type TensorSpec } from '../../lib/tensor.js';

/** From harmless to harmful: nothing that a caller could notice; only more than before; something that callers used is gone. */
export const COMPATIBILITIES = ['COMPATIBLE', 'WIDENING', 'BREAKING'] as const;
export type Compatibility = (typeof COMPATIBILITIES)[number];

/** What is different about a tensor, or (BATCH) about all inputs together. */
export type SignatureChange =
  'ADDED' | 'REMOVED' | 'RENAMED' | 'DATATYPE' | 'RANK' | 'DIMENSION' | 'ORDER' | 'BATCH';

/** Between two signatures. */
export interface TensorDifference {
  readonly change: SignatureChange;
  readonly side: 'INPUT' | 'OUTPUT';
  /** In the old signature; in the new one where it is ADDED; `null` for BATCH. */
  readonly name: string | null;
  /** Which dimension, from 0; `null` unless DIMENSION. */
  readonly dimension: number | null;
  readonly verdict: Exclude<Compatibility, 'COMPATIBLE'>;
  readonly before: TensorSpec | null;
  readonly after: TensorSpec | null;
  /** For people. */
  readonly message: string;
}

export interface SignatureComparison<Difference = TensorDifference> {
  /** The worst of the differences' verdicts. */
  readonly verdict: Compatibility;
  /** BREAKING ones first, then in the order of the old signature. */
  readonly differences: readonly Difference[];
}

/** The worst of them, and they in its order. */
export function comparisonOf<Difference extends { readonly verdict: TensorDifference['verdict'] }>(
  differences: readonly Difference[],
): SignatureComparison<Difference> {
  const breaking = differences.filter(({ verdict }) => verdict === 'BREAKING');
  const widening = differences.filter(({ verdict }) => verdict === 'WIDENING');
  const verdict = breaking.length > 0 ? 'BREAKING' : widening.length > 0 ? 'WIDENING' : 'COMPATIBLE';
  return { verdict, differences: [...breaking, ...widening] };
}

type Side = TensorDifference['side'];

/** One tensor in both signatures; `null` where it is not. */
interface Pair {
  readonly before: TensorSpec | null;
  readonly after: TensorSpec | null;
}

/** Compares what callers of `before` may rely on with what `after` keeps. */
export function compareSignatures(before: Signature, after: Signature): SignatureComparison {
  // Other outputs have no say in it: one that is added with a fixed first dimension must not take the meaning from these.
  const followsBatch = before.inputs.every(({ shape }) => shape[0] === -1);
  return comparisonOf([
    ...pairs(before.inputs, after.inputs).flatMap((pair) => compareInput(pair)),
    ...compareBatch(before, after),
    ...pairs(before.outputs, after.outputs).flatMap((pair) => compareOutput(pair, followsBatch)),
    ...compareOrder(before.outputs, after.outputs),
  ]);
}

/** By name; what is left over on both sides and looks the same was renamed, the first of it to the first. */
function pairs(before: readonly TensorSpec[], after: readonly TensorSpec[]): Pair[] {
  const added = after.filter(({ name }) => !before.some((spec) => spec.name === name));
  const found = before.map((spec): Pair => {
    const same = after.find(({ name }) => name === spec.name);
    if (same !== undefined) return { before: spec, after: same };
    const renamed = added.findIndex((candidate) => looksLike(candidate, spec));
    return { before: spec, after: renamed === -1 ? null : (added.splice(renamed, 1)[0] ?? null) };
  });
  return [...found, ...added.map((spec): Pair => ({ before: null, after: spec }))];
}

function looksLike(one: TensorSpec, other: TensorSpec): boolean {
  return one.datatype === other.datatype && shown(one.shape) === shown(other.shape);
}

function compareInput(pair: Pair): TensorDifference[] {
  const { before, after } = pair;
  if (before === null || after === null) {
    const is =
      before === null ? 'is new: requests without it are refused' : 'is gone: requests with it are refused';
    return [difference('INPUT', before === null ? 'ADDED' : 'REMOVED', 'BREAKING', pair, is)];
  }
  return compareTensor('INPUT', before, after, (was, is) =>
    is === -1
      ? { verdict: 'WIDENING', says: `took ${was} and now takes any length` }
      : { verdict: 'BREAKING', says: `took ${lengthOf(was)} and now takes only ${is}` },
  );
}

function compareOutput(pair: Pair, followsBatch: boolean): TensorDifference[] {
  const { before, after } = pair;
  if (before === null) return [difference('OUTPUT', 'ADDED', 'WIDENING', pair, 'is new')];
  if (after === null) return [difference('OUTPUT', 'REMOVED', 'BREAKING', pair, 'is gone')];
  return compareTensor('OUTPUT', before, after, (was, is, dimension) => {
    if (is === -1) return { verdict: 'BREAKING', says: `was always ${was} and now may have any length` };
    if (was !== -1) return { verdict: 'BREAKING', says: `was always ${was} and now is ${is}` };
    // Where all inputs have a free first dimension, one of an output means: as many rows as were sent.
    if (dimension === 0 && followsBatch) {
      return { verdict: 'BREAKING', says: `had a row for each row of the inputs and now always has ${is}` };
    }
    return { verdict: 'WIDENING', says: `could have any length and now is always ${is}` };
  });
}

type CompareDimension = (
  was: number,
  is: number,
  dimension: number,
) => { readonly verdict: TensorDifference['verdict']; readonly says: string };

function compareTensor(
  side: Side,
  before: TensorSpec,
  after: TensorSpec,
  compare: CompareDimension,
): TensorDifference[] {
  const pair = { before, after };
  const found: TensorDifference[] = [];
  if (before.name !== after.name) {
    found.push(difference(side, 'RENAMED', 'BREAKING', pair, `is called ${quoted(after.name)} now`));
  }
  if (before.datatype !== after.datatype) {
    const was = `was ${before.datatype} and is ${after.datatype} now`;
    found.push(difference(side, 'DATATYPE', 'BREAKING', pair, was));
  }
  if (before.shape.length !== after.shape.length) {
    const was = `had the shape ${shown(before.shape)} and has ${shown(after.shape)} now`;
    return [...found, difference(side, 'RANK', 'BREAKING', pair, was)];
  }
  for (const [i, was] of before.shape.entries()) {
    const is = after.shape[i] ?? was;
    if (was === is) continue;
    const { verdict, says } = compare(was, is, i);
    found.push({
      ...difference(side, 'DIMENSION', verdict, pair, `${says} in dimension ${i}`),
      dimension: i,
    });
  }
  return found;
}

/**
 * A signature whose tensors all have a free first dimension takes it for the rows, on which all inputs must agree
 * (`checkInputs`). One that becomes so by itself widens each tensor and still refuses what was good before.
 */
function compareBatch(before: Signature, after: Signature): TensorDifference[] {
  if (hasBatchDimension(before) || !hasBatchDimension(after) || after.inputs.length < 2) return [];
  const firsts = new Set(before.inputs.map(({ shape }) => shape[0]));
  if (firsts.size === 1 && !firsts.has(-1)) return [];
  return [
    {
      change: 'BATCH',
      side: 'INPUT',
      name: null,
      dimension: null,
      verdict: 'BREAKING',
      before: null,
      after: null,
      message: 'The first dimension of all inputs is one batch now: inputs of different lengths are refused.',
    },
  ];
}

/** Of the outputs of before, those that are answered in another place. */
function compareOrder(before: readonly TensorSpec[], after: readonly TensorSpec[]): TensorDifference[] {
  return pairs(before, after).flatMap((pair) => {
    if (pair.before === null || pair.after === null) return [];
    const [was, is] = [before.indexOf(pair.before), after.indexOf(pair.after)];
    if (was === is) return [];
    const says = `was output ${was} and is output ${is} now, counted from 0`;
    return [difference('OUTPUT', 'ORDER', 'BREAKING', pair, says)];
  });
}

function difference(
  side: Side,
  change: SignatureChange,
  verdict: TensorDifference['verdict'],
  { before, after }: Pair,
  says: string,
): TensorDifference {
  const spec = before ?? after;
  if (spec === null) throw new Error('A difference is about a tensor of at least one signature.');
  const what = `The ${side === 'INPUT' ? 'input' : 'output'} ${quoted(spec.name)}`;
  const name = spec.name;
  return { change, side, name, dimension: null, verdict, before, after, message: `${what} ${says}.` };
}

function lengthOf(dimension: number): string {
  return dimension === -1 ? 'any length' : String(dimension);
}
