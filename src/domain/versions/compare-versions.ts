/** Two versions side by side, from what is known of each. Pure. A change is the second minus the first. */
import type { RuntimeName } from '../../inference/index.js';
import type { TensorSpec } from '../../lib/tensor.js';
import { judgeTrials, type JudgedTrial } from './judged-trials.js';
import type { Compatibility } from './signature-comparison.js';
import { compareAllSignatures, type SignatureDifference } from './signatures-comparison.js';
import type { Version } from './version.js';

/** Of the first, of the second, and how much it changed. */
export interface Change {
  readonly a: number;
  readonly b: number;
  readonly change: number;
}

export interface TensorComparison {
  /** Of which signature. */
  readonly signature: string;
  readonly side: 'INPUT' | 'OUTPUT';
  readonly name: string;
  readonly a: TensorSpec | null;
  readonly b: TensorSpec | null;
  readonly same: boolean;
}

export interface SpeedComparison {
  readonly runtime: RuntimeName;
  readonly a: JudgedTrial | null;
  readonly b: JudgedTrial | null;
  /** Below 1: the second is faster. `null` unless both ran. */
  readonly computeRatio: number | null;
}

export interface MetricComparison {
  readonly name: string;
  readonly a: number | null;
  readonly b: number | null;
  readonly change: number | null;
}

export interface VersionComparison {
  readonly a: Version;
  readonly b: Version;
  /** What the second would mean for callers of the first. */
  readonly compatibility: Compatibility;
  readonly differences: readonly SignatureDifference[];
  /** By signature, inputs first, each in the order of the first version, then what only the second has. */
  readonly tensors: readonly TensorComparison[];
  /** The greatest change first, then by name. */
  readonly operations: readonly (Change & { readonly name: string })[];
  readonly bytes: Change;
  readonly packBytes: Change;
  readonly weightBytes: Change;
  readonly parameterCount: Change;
  /** In the order of the trials. */
  readonly speed: readonly SpeedComparison[];
  /** By name. */
  readonly metrics: readonly MetricComparison[];
}

export function compareVersions(a: Version, b: Version): VersionComparison {
  const { verdict, differences } = compareAllSignatures(a, b);
  return {
    a,
    b,
    compatibility: verdict,
    differences,
    tensors: sideBySide(a.signatures, b.signatures, (signature) => signature.name).flatMap(
      ([name, one, other]) => [
        ...compareTensors(name, 'INPUT', one?.signature.inputs ?? [], other?.signature.inputs ?? []),
        ...compareTensors(name, 'OUTPUT', one?.signature.outputs ?? [], other?.signature.outputs ?? []),
      ],
    ),
    operations: compareOperations(a.operations, b.operations),
    bytes: changeOf(a.bytes, b.bytes),
    packBytes: changeOf(a.packBytes, b.packBytes),
    weightBytes: changeOf(a.weightBytes, b.weightBytes),
    parameterCount: changeOf(a.parameterCount, b.parameterCount),
    speed: compareSpeed(judgeTrials(a.trials, a.runtime), judgeTrials(b.trials, b.runtime)),
    metrics: sideBySide(a.metrics, b.metrics, (metric) => metric.name)
      .map(([name, one, other]) => metricOf(name, one?.value ?? null, other?.value ?? null))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

function changeOf(a: number, b: number): Change {
  return { a, b, change: b - a };
}

function metricOf(name: string, a: number | null, b: number | null): MetricComparison {
  return { name, a, b, change: a === null || b === null ? null : b - a };
}

function compareTensors(
  signature: string,
  side: TensorComparison['side'],
  a: readonly TensorSpec[],
  b: readonly TensorSpec[],
): TensorComparison[] {
  return sideBySide(a, b, (spec) => spec.name).map(([name, one, other]) => ({
    signature,
    side,
    name,
    a: one,
    b: other,
    same:
      one?.datatype === other?.datatype &&
      one?.shape.length === other?.shape.length &&
      (one?.shape ?? []).every((dimension, axis) => dimension === other?.shape[axis]),
  }));
}

function compareOperations(a: Version['operations'], b: Version['operations']) {
  return sideBySide(a, b, (operation) => operation.name)
    .map(([name, one, other]) => ({ name, ...changeOf(one?.count ?? 0, other?.count ?? 0) }))
    .sort((one, other) => Math.abs(other.change) - Math.abs(one.change) || (one.name < other.name ? -1 : 1));
}

function compareSpeed(a: readonly JudgedTrial[], b: readonly JudgedTrial[]): SpeedComparison[] {
  return sideBySide(a, b, (trial) => trial.runtime).map(([runtime, one, other]) => {
    const [before, after] = [one?.computeMs ?? null, other?.computeMs ?? null];
    const computeRatio = before === null || after === null || before === 0 ? null : after / before;
    return { runtime, a: one, b: other, computeRatio };
  });
}

/** Every key of either list once, with what each has of it: the first list's order, then what only the second has. */
function sideBySide<T, K extends string>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (item: T) => K,
): [K, T | null, T | null][] {
  const [ofA, ofB] = [a, b].map((list) => new Map(list.map((item) => [keyOf(item), item])));
  const keys = new Set([...a, ...b].map(keyOf));
  return [...keys].map((key) => [key, ofA?.get(key) ?? null, ofB?.get(key) ?? null]);
}
