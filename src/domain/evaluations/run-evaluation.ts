/** One run of an evaluation, from the first chunk that is not done to the end. Chunks go one after the other. */
import { createHash } from 'node:crypto';
import type { Transactions } from '../../database/index.js';
import { openDatasetFile, type DatasetFile } from '../../importers/index.js';
import type { Clock } from '../../lib/clock.js';
import type { ArtifactStore } from '../../storage/index.js';
import type { IdentityService } from '../identity/index.js';
import type { Prediction, PredictionsService, PredictRefusals } from '../predictions/index.js';
import type { Evaluation, EvaluationFailure, EvaluationLimits } from './evaluation.js';
import * as store from './evaluations-store.js';
import { feedRows } from './feed.js';
import { readOutputs } from './read-outputs.js';
import { encodeRecords } from './records.js';
import type { Pauses } from './pauses.js';

export interface RunDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly identity: Pick<IdentityService, 'actorNow'>;
  readonly predictions: Pick<PredictionsService, 'predict' | 'forgetOutputs'>;
  readonly limits: EvaluationLimits;
  readonly leaseMs: number;
  readonly pauses: Pauses;
}

/** STOPPED: the server stops, the lease is lost, or it was cancelled; nothing more may be written. */
export type RunOutcome =
  | { readonly kind: 'DONE' }
  | { readonly kind: 'STOPPED' }
  | { readonly kind: 'FAILED'; readonly failure: EvaluationFailure };

type Chunk = { readonly index: number; readonly from: number; readonly rows: number };

const STOPPED: RunOutcome = { kind: 'STOPPED' };
/** Tries of a chunk that fails in a way that may pass. */
const MAX_TRIES = 3;
const RETRY_MS = 1_000;
/** A queue that has no room for so long, or a rate that is used up by others, is the end of it. */
const MAX_WAITING_MS = 600_000;

export async function runEvaluation(
  deps: RunDeps,
  evaluation: Evaluation,
  owner: string,
  signal: AbortSignal,
): Promise<RunOutcome> {
  const { database, artifacts } = deps;
  const { tenantId, id, datasetDigest, rows, plan } = evaluation;
  await verifyBytes(artifacts, datasetDigest);
  const done = new Set(await database.sql({ tenantId }, (query) => store.chunkIndices(query, tenantId, id)));
  const file = await openDatasetFile(artifacts.localPath(datasetDigest));
  try {
    if (file.rows !== rows) throw new Error(`The dataset of ${id} has ${file.rows} rows, not ${rows}.`);
    for (let from = 0, index = 0; from < rows; from += plan.batchRows, index++) {
      if (done.has(index)) continue;
      const chunk = { index, from, rows: Math.min(plan.batchRows, rows - from) };
      const outcome = await runChunk(deps, evaluation, owner, file, chunk, signal);
      if (outcome !== null) return outcome;
    }
    return { kind: 'DONE' };
  } finally {
    await file.close();
  }
}

/** `null`: it is done and kept. */
async function runChunk(
  deps: RunDeps,
  evaluation: Evaluation,
  owner: string,
  file: DatasetFile,
  chunk: Chunk,
  signal: AbortSignal,
): Promise<RunOutcome | null> {
  const { tenantId, id, plan } = evaluation;
  const inputs = await feedRows(file, plan, chunk.from, chunk.rows);
  if (!inputs.ok) return failed(inputs.error);
  const answered = await predictPatiently(deps, evaluation, chunk, inputs.value, signal);
  if ('kind' in answered) return answered;
  const { outputs, receipt } = answered;
  if (outputs === null) {
    return failed({
      code: 'PREDICTION_FAILED',
      message: `The answer to the rows from ${chunk.from} was charged before a restart, and was too large to be kept. Evaluate again with fewer batchRows.`,
    });
  }
  const read = readOutputs(plan, outputs, await file.readLabels(chunk.from, chunk.rows));
  if (!read.ok) return failed(read.error);
  const isKept = await deps.database.sql({ tenantId }, (query) =>
    store.keepChunk(query, tenantId, id, owner, deps.leaseMs, {
      index: chunk.index,
      rows: chunk.rows,
      records: encodeRecords(read.value),
      computeMs: receipt.computeMs,
      // Also when it was replayed: charged once, before the restart.
      charged: 1,
    }),
  );
  return isKept ? null : STOPPED;
}

/** Goes through the corridor as whoever asked is now; waits where the refusal says that waiting helps. */
async function predictPatiently(
  deps: RunDeps,
  { id, tenantId, versionId, createdBy, requestId }: Evaluation,
  chunk: Chunk,
  inputs: Parameters<PredictionsService['predict']>[1]['inputs'],
  signal: AbortSignal,
): Promise<Prediction | RunOutcome> {
  const { identity, predictions, limits, clock, pauses } = deps;
  const startedMs = clock.monotonicMs();
  for (let tries = 1; ;) {
    if (signal.aborted) return STOPPED;
    const actor = createdBy === null ? null : await identity.actorNow(tenantId, createdBy, requestId);
    if (actor === null) return failed(authorGone());
    const outcome = await predictions.predict(
      actor,
      {
        target: { versionId },
        inputs,
        // The same after a restart: what was charged then answers again, uncharged.
        idempotencyKey: keyOf(id, chunk.index),
        timeoutMs: limits.chunkTimeoutMs,
        priority: 'LOW',
      },
      signal,
    );
    if (outcome.ok) return outcome.value;
    if (signal.aborted) return STOPPED;
    const waitMs = waitAfter(outcome.error, tries);
    if (waitMs === null || clock.monotonicMs() - startedMs > MAX_WAITING_MS) return failed(outcome.error[0]);
    if (!isFull(outcome.error)) tries++;
    await pauses.pause(waitMs, signal);
  }
}

/** Under which a chunk is predicted. */
export function keyOf(evaluationId: string, chunk: number): string {
  return `evaluation ${evaluationId} ${chunk}`;
}

/** Milliseconds after which the same chunk may get through; `null`: never. */
function waitAfter([refusal]: PredictRefusals, tries: number): number | null {
  switch (refusal.code) {
    case 'RATE_LIMITED':
    case 'OVERLOADED':
      return Math.max(50, refusal.retryAfterMs);
    case 'DEADLINE_EXCEEDED':
      return tries < MAX_TRIES ? RETRY_MS : null;
    case 'PREDICTION_FAILED':
      return refusal.retryable && tries < MAX_TRIES ? RETRY_MS : null;
    default:
      return null;
  }
}

/** The server's or the caller's own limits: the chunk itself was not tried. */
function isFull([refusal]: PredictRefusals): boolean {
  return refusal.code === 'RATE_LIMITED' || refusal.code === 'OVERLOADED';
}

function failed({ code, message }: EvaluationFailure): RunOutcome {
  return { kind: 'FAILED', failure: { code, message } };
}

function authorGone(): EvaluationFailure {
  return {
    code: 'PERMISSION_DENIED',
    message:
      'Whoever asked for this evaluation may act for the tenant no longer: the API key is revoked or expired, or the member has left.',
  };
}

/** Bytes that were damaged on the disk must not become figures. */
async function verifyBytes(artifacts: ArtifactStore, digest: string): Promise<void> {
  const stream = await artifacts.open(digest);
  if (stream === null) throw new Error(`The dataset ${digest} is missing from the store.`);
  const hash = createHash('sha256');
  for await (const part of stream as AsyncIterable<Buffer>) hash.update(part);
  if (hash.digest('hex') !== digest) throw new Error(`The dataset ${digest} is damaged.`);
}
