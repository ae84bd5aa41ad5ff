/** Which engine serves: the operator's first one that works, unless another is clearly faster. */
import type { EngineTrial } from './types.js';

/**
 * How much of the chosen engine's time another may take at most to be chosen instead: a small lead in a
 * trial is noise, and would make two versions of one network run on different engines.
 */
const CLEARLY_FASTER = 0.7;

/** @param trials in the operator's order of preference */
export function chooseEngine(trials: readonly EngineTrial[]): EngineTrial | null {
  let chosen: EngineTrial | null = null;
  for (const trial of trials) {
    if (!trial.ok || trial.computeMs === null) continue;
    if (chosen === null || relativeCost(trial, chosen) < CLEARLY_FASTER) chosen = trial;
  }
  return chosen;
}

/**
 * The pool runs single rows when it is idle and joined ones when it is busy. Both count, by their geometric
 * mean: twice as fast in one and half as fast in the other is no lead.
 */
function relativeCost(a: EngineTrial, b: EngineTrial): number {
  const single = (a.computeMs ?? Infinity) / (b.computeMs ?? Infinity);
  if (a.batchComputeMs === null || b.batchComputeMs === null) return single;
  return Math.sqrt(single * (a.batchComputeMs / b.batchComputeMs));
}
