import { ok } from '../lib/result.js';
import { splitOutputs } from './batcher.js';
import type { Ticket } from './ticket.js';
import type { InferenceTimings } from './types.js';
import type { TaskOutcome } from './worker-handle.js';

export interface AnsweredRun {
  readonly batch: readonly Ticket[];
  readonly rows: number;
  readonly pickedAtMs: number;
  readonly gatheredFromMs: number;
}

/**
 * Gives everyone his own rows, as views on the answer of the run. False, and nobody is answered, when the answer
 * cannot be cut apart.
 */
export function answerBatch(
  run: AnsweredRun,
  outcome: Extract<TaskOutcome, { readonly kind: 'inferred' }>,
  worker: string,
): boolean {
  const { batch, rows } = run;
  const outputs = outcome.outputs.map((output) => ({ ...output, data: new Uint8Array(output.data) }));
  const parts = batch.length === 1 ? [outputs] : partsOf(outputs, batch);
  if (parts === null) return false;
  batch.forEach((ticket, at) => {
    const timings = timingsOf(ticket, run, outcome);
    const { runtime } = ticket.job.artifact;
    const reply = { outputs: parts[at] ?? [], timings, runtime, worker };
    ticket.settle(ok({ ...reply, batchSize: batch.length, batchRows: rows }));
  });
  return true;
}

function partsOf(outputs: Parameters<typeof splitOutputs>[0], batch: readonly Ticket[]) {
  return splitOutputs(
    outputs,
    batch.map((ticket) => ticket.rows),
  );
}

function timingsOf(
  ticket: Ticket,
  run: AnsweredRun,
  { loadMs, computeMs }: { readonly loadMs: number; readonly computeMs: number },
): InferenceTimings {
  const { admittedAtMs } = ticket;
  return {
    queueMs: Math.max(0, run.pickedAtMs - admittedAtMs - ticket.loadMs),
    batchMs: run.pickedAtMs - Math.min(run.pickedAtMs, Math.max(admittedAtMs, run.gatheredFromMs)),
    loadMs: loadMs + ticket.loadMs,
    computeMs,
  };
}
