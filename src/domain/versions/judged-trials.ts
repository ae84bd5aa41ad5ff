/** What the trials of a version say beside each other. */
import type { EngineTrial } from '../../importers/index.js';
import type { RuntimeName } from '../../inference/index.js';

export interface JudgedTrial extends EngineTrial {
  /** The version was given to this engine. */
  readonly chosen: boolean;
  /**
   * Of the engine that runs whole graphs: how many times faster it is than the first that runs the model op by op;
   * `null` for the others, and where there is nothing to compare.
   */
  readonly gain: number | null;
}

/** They cross from JavaScript into the engine for every op. */
const OP_BY_OP: readonly RuntimeName[] = ['tfjs-node', 'tfjs-wasm'];

/** @param runtime the one that serves, or `null` */
export function judgeTrials(
  trials: readonly EngineTrial[],
  runtime: RuntimeName | null,
): readonly JudgedTrial[] {
  const executor = OP_BY_OP.flatMap((name) =>
    trials.filter((trial) => trial.runtime === name && trial.computeMs !== null),
  )[0];
  return trials.map((trial) => ({
    ...trial,
    chosen: trial.runtime === runtime,
    gain: trial.runtime === 'tfjs-graph' ? ratio(executor?.computeMs ?? null, trial.computeMs) : null,
  }));
}

function ratio(slowMs: number | null, fastMs: number | null): number | null {
  return slowMs === null || fastMs === null || fastMs === 0 ? null : slowMs / fastMs;
}
