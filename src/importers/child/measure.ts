/** How fast a model runs, alone and joined, and whether requests may be joined at all. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import { splitOnBatchAxis } from '../../inference/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { agreement, copies, MAX_RELATIVE_DIFF, randomRows } from '../trial-tensors.js';

export interface Timing {
  readonly runs: number;
  /** No run is begun after it, but for the second. */
  readonly budgetMs: number;
}
const CAREFULLY: Timing = { runs: 20, budgetMs: 2000 };
/** For one of many signatures: whether it costs a millisecond or a second. */
export const ROUGHLY: Timing = { runs: 4, budgetMs: 100 };
/** Rows of a run that stands for a busy pool. */
export const BATCH_ROWS = 32;
/** Joined and compared with the same rows one by one. */
const JOINED_ROWS = [2, 5];
/** Of one row: beyond it fewer joined runs are tried, so that the trial ends. */
const SLOW_ROW_MS = 1000;
/** In place of a row's time: as few joined runs as can show a mistake, for all but the default signature. */
export const QUICKLY = Infinity;
const MAX_BATCH_MS = 10_000;

/** Best of several runs: the figure that a busy machine disturbs least. */
export async function bestRunMs(
  model: LoadedModel,
  inputs: readonly Tensor[],
  { runs, budgetMs }: Timing = CAREFULLY,
): Promise<number> {
  let best = Infinity;
  let spent = 0;
  for (let run = 0; run < runs && (run < 2 || spent < budgetMs); run++) {
    const started = performance.now();
    await model.run(copies(inputs));
    const tookMs = performance.now() - started;
    best = Math.min(best, tookMs);
    spent += tookMs;
  }
  return round(best);
}

/**
 * A run of `BATCH_ROWS` rows, or `null` when it would take too long or the engine cannot.
 * @param inputs of one row
 */
export async function batchRunMs(
  model: LoadedModel,
  inputs: readonly Tensor[],
  rowMs: number,
): Promise<number | null> {
  if (rowMs * BATCH_ROWS > MAX_BATCH_MS) return null;
  try {
    return await bestRunMs(model, randomRows(inputs, BATCH_ROWS, BATCH_ROWS));
  } catch {
    // Too much memory for this engine, say: the version is served without this figure.
    return null;
  }
}

/**
 * Why rows of different requests must not share a run, or `null` when they may: each row must come out of a
 * joined run as it comes out alone, whatever stands beside it. Random rows, because zeros agree with anything.
 * @param inputs of one row
 */
export async function joiningProblem(
  model: LoadedModel,
  inputs: readonly Tensor[],
  rowMs: number,
): Promise<string | null> {
  for (const count of rowMs > SLOW_ROW_MS ? JOINED_ROWS.slice(0, 1) : JOINED_ROWS) {
    const rows = randomRows(inputs, count, count);
    let joined: readonly Tensor[];
    try {
      joined = await model.run(copies(rows));
    } catch {
      return `it cannot run on ${count} rows`;
    }
    const misfit = joined.find((output) => output.shape[0] !== count);
    if (misfit !== undefined) return `"${misfit.name}" does not have one row for each row given`;
    const ones = Array.from({ length: count }, () => 1);
    const givenRows = rows.map((input) => splitOnBatchAxis(input, ones));
    const joinedRows = joined.map((output) => splitOnBatchAxis(output, ones));
    for (let row = 0; row < count; row++) {
      const alone = await model.run(copies(givenRows.flatMap((parts) => parts[row] ?? [])));
      const together = joinedRows.flatMap((parts) => parts[row] ?? []);
      if (agreement(alone, together) > MAX_RELATIVE_DIFF)
        return "a row's answer depends on the rows beside it";
    }
  }
  return null;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
