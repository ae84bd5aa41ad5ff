import { ok } from "../lib/result.js";
import { splitOutputs } from "./batcher.js";
function answerBatch(run, outcome, worker) {
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
function partsOf(outputs, batch) {
  return splitOutputs(
    outputs,
    batch.map((ticket) => ticket.rows)
  );
}
function timingsOf(ticket, run, { loadMs, computeMs }) {
  const { admittedAtMs } = ticket;
  return {
    queueMs: Math.max(0, run.pickedAtMs - admittedAtMs - ticket.loadMs),
    batchMs: run.pickedAtMs - Math.min(run.pickedAtMs, Math.max(admittedAtMs, run.gatheredFromMs)),
    loadMs: loadMs + ticket.loadMs,
    computeMs
  };
}
export {
  answerBatch
};
//# sourceMappingURL=answer-batch.js.map
