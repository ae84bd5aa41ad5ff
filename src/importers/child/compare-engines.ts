/**
 * What the first engine answers on made-up inputs, and whether another answers the same. Bounded in time and memory: a
 * slow model is compared on fewer inputs, which the report says.
 */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { Tensor } from '../../lib/tensor.js';
import type { ComparisonCase } from '../comparison-inputs.js';
import { agreement, copies, MAX_RELATIVE_DIFF } from '../trial-tensors.js';

/** After it no further input is begun. */
const BUDGET_MS = 3000;
/** Inputs and answers are kept until the last engine has been compared. */
const MAX_KEPT_BYTES = 256 * 1024 * 1024;
/** Random values in one row and in five are compared however long they take (and the trial's own inputs before). */
const ALWAYS = 2;

export interface Answer extends ComparisonCase {
  readonly outputs: readonly Tensor[];
}

export interface Answers {
  readonly answers: readonly Answer[];
  /** Inputs that were left out because the model is slow or its tensors are large. */
  readonly leftOut: number;
}

/** Inputs that the first engine itself refuses (an index outside of a table, say) tell nothing and are dropped. */
export async function answersOf(
  model: LoadedModel,
  cases: readonly ComparisonCase[],
  budgetMs = BUDGET_MS,
): Promise<Answers> {
  const answers: Answer[] = [];
  const startedAt = performance.now();
  let bytes = 0;
  for (const [at, { what, inputs }] of cases.entries()) {
    const isOver = performance.now() - startedAt > budgetMs || bytes > MAX_KEPT_BYTES;
    if (at >= ALWAYS && isOver) return { answers, leftOut: cases.length - at };
    const outputs = await answerOrNull(model, inputs);
    if (outputs === null) continue;
    answers.push({ what, inputs, outputs });
    bytes += bytesOf(inputs) + bytesOf(outputs);
  }
  return { answers, leftOut: 0 };
}

export interface Comparison {
  /** The largest found; infinite where an output is of another shape or type, or not a number in one of the two only. */
  readonly diff: number;
  /** Inputs that were run. */
  readonly count: number;
  readonly leftOut: number;
  /** A sentence, or `null` when the engine may stand in for the first. */
  readonly problem: string | null;
}

/** Stops at the first input on which the engines differ. */
export async function compareWith(model: LoadedModel, { answers, leftOut }: Answers): Promise<Comparison> {
  const startedAt = performance.now();
  let diff = 0;
  for (const [count, { what, inputs, outputs }] of answers.entries()) {
    if (count > ALWAYS && performance.now() - startedAt > BUDGET_MS) {
      return { diff, count, leftOut: leftOut + answers.length - count, problem: null };
    }
    const made = await runOrMessage(model, inputs);
    const found = typeof made === 'string' ? Infinity : agreement(outputs, made);
    diff = Math.max(diff, found);
    if (found > MAX_RELATIVE_DIFF) {
      const problem =
        typeof made === 'string'
          ? `It fails on ${what}, where the first engine answers: ${made}`
          : `Its outputs differ from the first engine's ${howMuch(found)} on ${what}.`;
      return { diff, count: count + 1, leftOut, problem };
    }
  }
  return { diff, count: answers.length, leftOut, problem: null };
}

function howMuch(diff: number): string {
  return Number.isFinite(diff)
    ? `by ${diff.toPrecision(3)} of their magnitude`
    : 'in shape, type, or where they are numbers at all';
}

async function runOrMessage(model: LoadedModel, inputs: readonly Tensor[]): Promise<Tensor[] | string> {
  // Whatever an engine throws at a stranger's model is a finding about it.
  try {
    return await model.run(copies(inputs));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function answerOrNull(
  model: LoadedModel,
  inputs: readonly Tensor[],
): Promise<readonly Tensor[] | null> {
  const made = await runOrMessage(model, inputs);
  return typeof made === 'string' ? null : made;
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}
