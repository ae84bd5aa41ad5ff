/**
 * The corridor: one way only, each step passes on or answers. Units are held from step 4 to step 6; whatever happens
 * between, they are charged once or given back.
 */
import type { InferenceJob, InferenceRefusal, InferenceReply } from '../../inference/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type TenantActor } from '../access/index.js';
import { type Charge, type Charged, type MeteringService, type Reservation } from '../metering/index.js';
import { checkCommand } from './check-command.js';
import type { CheckedInputs } from './check-inputs.js';
import {
  fromInferenceRefusal,
  predictionFailed,
  type PredictionFailed,
  type PredictRefusal,
} from './errors.js';
import { atLeastOne, type FindRunnable, type Runnable } from './find-runnable.js';
import type { IdempotentRequest, Outcome } from './idempotency.js';
import { encodeOutputs } from './kept-outputs.js';
import type { LoadFailures } from './load-failures.js';
import { createPatience, type Patience } from './patience.js';
import { type PredictCommand, type Prediction, type RunnableVersion } from './prediction.js';
import { claimFor, priceFor, type Price } from './price.js';
import { requestHash } from './request-hash.js';
import { recordAnswer, type Claim } from './store.js';

export interface PredictDeps {
  readonly findRunnable: FindRunnable;
  readonly metering: Pick<MeteringService, 'admit' | 'reserve' | 'settle' | 'release' | 'limitsLeft'>;
  readonly idempotent: (request: IdempotentRequest) => Promise<Outcome>;
  readonly infer: (job: InferenceJob) => Promise<Result<InferenceReply, InferenceRefusal>>;
  readonly loadFailures: LoadFailures;
  readonly defaultTimeoutMs: number;
  readonly clock: Clock;
}

/** What one pass through the corridor carries along. */
interface Pass {
  readonly actor: TenantActor;
  readonly command: PredictCommand;
  readonly patience: Patience;
  /** `null` without an idempotency key. */
  readonly claim: Claim | null;
}

/** Returns `predict`. @param signal fires when the caller has gone */
export function createPredict(deps: PredictDeps) {
  const { metering, clock } = deps;

  /** 0: a key that was answered before answers at once, uncharged. */
  async function predict(actor: TenantActor, command: PredictCommand, signal: AbortSignal): Promise<Outcome> {
    if (!can(actor, 'PREDICTION_RUN')) return refuse([permissionDenied(actor, 'PREDICTION_RUN')]);
    const checked = checkCommand(command);
    if (!checked.ok) return refuse(atLeastOne(checked.error));
    const patience = createPatience(clock, command.timeoutMs ?? deps.defaultTimeoutMs, signal);
    const key = command.idempotencyKey;
    const hash = key === null ? null : requestHash(command);
    if (key === null || hash === null) return run({ actor, command, patience, claim: null });
    const execute = (claim: Claim) => run({ actor, command, patience, claim });
    return deps.idempotent({ tenantId: actor.tenantId, key, hash, patience, execute });
  }

  /** 1 to 4. */
  async function run(pass: Pass): Promise<Outcome> {
    const { actor, command, patience } = pass;

    // 1 version, 2 entitlement, 3 inputs
    const found = await deps.findRunnable(actor, command);
    if (!found.ok) return found;

    // 4 reserve
    const admission = metering.admit(actor);
    if (!admission.ok) return refuse([admission.error]);
    try {
      const request = claimFor(found.value, Math.max(1, patience.remainingMs()));
      const reservation = await metering.reserve(actor, request);
      if (!reservation.ok) return refuse([reservation.error]);
      return await spend(pass, found.value, reservation.value);
    } finally {
      admission.value.leave();
    }
  }

  /** 5 and 6: settles the reservation, or gives it back whatever went wrong. */
  async function spend(pass: Pass, runnable: Runnable, reservation: Reservation): Promise<Outcome> {
    const { version, inputs } = runnable;
    let isSettled = false;
    try {
      // 5 infer
      const reply = await infer(pass, version, inputs, reservation.weight);
      if (!reply.ok) return refuse([reply.error]);

      // 6 settle, then answer: durable before the reply
      const price = priceFor(runnable.subscription, inputs.rows, reply.value, reservation);
      const prediction = predictionOf(pass, runnable, reply.value, reservation, price);
      const charge = chargeOf(version, inputs.bytes, prediction, price);
      const settled = await settle(pass, prediction, charge, reservation);
      if (!settled.ok) return refuse([settled.error]);
      isSettled = true;
      return ok({ ...prediction, createdAt: settled.value.chargedAt });
    } finally {
      if (!isSettled) await metering.release(pass.actor, reservation);
    }
  }

  async function infer(
    { actor, command, patience }: Pass,
    version: RunnableVersion,
    inputs: CheckedInputs,
    weight: number,
  ): Promise<Result<InferenceReply, PredictRefusal>> {
    const over = patience.over();
    if (over !== null) return refuse(over);
    const reply = await deps.infer({
      artifact: version.artifact,
      signature: version.signature,
      inputs: inputs.tensors,
      rows: inputs.rows,
      priority: command.priority ?? 'NORMAL',
      fairnessKey: actor.tenantId,
      weight,
      timeoutMs: patience.remainingMs(),
      signal: patience.signal,
    });
    if (reply.ok) return reply;
    if (reply.error.code === 'LOAD_FAILED') deps.loadFailures.note(version, reply.error.message);
    return refuse(fromInferenceRefusal(reply.error, patience.timeoutMs));
  }

  async function settle(
    { actor, claim, patience }: Pass,
    prediction: Prediction,
    charge: Charge,
    reservation: Reservation,
  ): Promise<Result<Charged, PredictRefusal>> {
    // Whoever has gone cannot be answered, so is not charged; but a recorded answer waits for the retry.
    const over = claim === null ? patience.over() : null;
    if (over !== null) return refuse(over);
    if (claim === null) return unlessLost(await metering.settle(actor, reservation, charge));
    const outputs = prediction.outputs === null ? null : encodeOutputs(prediction.outputs);
    return unlessLost(
      await metering.settle<PredictionFailed>(actor, reservation, charge, async (query) => {
        const isRecorded = await recordAnswer(query, actor.tenantId, claim, prediction.id, outputs);
        return isRecorded ? ok(undefined) : refuse(tookTooLong());
      }),
    );
  }

  function predictionOf(
    { actor, claim }: Pass,
    { version, alias, inputs }: Runnable,
    reply: InferenceReply,
    reservation: Reservation,
    { costMicros, currency }: Price,
  ): Prediction {
    const now = clock.now();
    return {
      id: newId('prediction', now.getTime()),
      versionId: version.id,
      outputs: reply.outputs,
      hasKeptOutputs: claim !== null,
      limits: metering.limitsLeft(reservation),
      receipt: {
        requestId: actor.requestId,
        model: version.modelName,
        versionId: version.id,
        versionNumber: version.number,
        sha256: version.digest,
        alias,
        runtime: reply.runtime,
        worker: reply.worker,
        batchSize: reply.batchSize,
        batchRows: reply.batchRows,
        rows: inputs.rows,
        queueMs: reply.timings.queueMs,
        batchMs: reply.timings.batchMs,
        loadMs: reply.timings.loadMs,
        computeMs: reply.timings.computeMs,
        charged: reservation.units,
        replayed: false,
        cost: currency === null ? null : { amountMicros: costMicros, currency },
        remaining: reservation.remaining,
      },
      createdAt: now,
    };
  }

  return predict;
}

/** Each fact by name: copying all but one costs an object and a walk over its keys each time. */
function chargeOf(
  version: RunnableVersion,
  bytes: number,
  { id, receipt }: Prediction,
  { computeUs, costMicros, currency, subscriptionId }: Price,
): Charge {
  return {
    predictionId: id,
    ownerTenantId: version.facts.model.tenantId,
    modelId: version.modelId,
    modelName: version.modelName,
    versionId: receipt.versionId,
    versionNumber: receipt.versionNumber,
    digest: receipt.sha256,
    alias: receipt.alias,
    runtime: receipt.runtime,
    worker: receipt.worker,
    batchSize: receipt.batchSize,
    batchRows: receipt.batchRows,
    rows: receipt.rows,
    bytes,
    queueMs: receipt.queueMs,
    batchMs: receipt.batchMs,
    loadMs: receipt.loadMs,
    computeMs: receipt.computeMs,
    computeUs,
    costMicros,
    currency,
    subscriptionId,
  };
}

/** The claim or the reservation ran out before the answer could be recorded. */
function tookTooLong(): PredictionFailed {
  return predictionFailed('The prediction could not be recorded in time.', true);
}

function unlessLost(settled: Result<Charged, { readonly code: 'RESERVATION_LOST' } | PredictionFailed>) {
  if (settled.ok) return settled;
  return refuse(settled.error.code === 'RESERVATION_LOST' ? tookTooLong() : settled.error);
}
