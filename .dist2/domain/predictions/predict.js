import { newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { hasBatchDimension } from "../../lib/tensor.js";
import { can, permissionDenied } from "../access/index.js";
import { modelNotFound } from "../catalog/index.js";
import { checkCommand, parseTarget } from "./check-command.js";
import { checkInputs } from "./check-inputs.js";
import {
  fromInferenceRefusal,
  predictionFailed
} from "./errors.js";
import { encodeOutputs } from "./kept-outputs.js";
import { createPatience } from "./patience.js";
import {
  UNITS_PER_PREDICTION
} from "./prediction.js";
import { requestHash } from "./request-hash.js";
import { recordAnswer } from "./store.js";
function createPredict(deps) {
  const { store, metering, marketplace, clock, log } = deps;
  async function predict(actor, command, signal) {
    if (!can(actor, "PREDICTION_RUN")) return refuse([permissionDenied(actor, "PREDICTION_RUN")]);
    const checked = checkCommand(command);
    if (!checked.ok) return refuse(atLeastOne(checked.error));
    const patience = createPatience(clock, command.timeoutMs ?? deps.defaultTimeoutMs, signal);
    const key = command.idempotencyKey;
    const hash = key === null ? null : requestHash(command);
    if (key === null || hash === null) return run({ actor, command, patience, claim: null });
    const execute = (claim) => run({ actor, command, patience, claim });
    return deps.idempotent({ tenantId: actor.tenantId, key, hash, patience, execute });
  }
  async function run(pass) {
    const { actor, command, patience } = pass;
    const reference = parseTarget(command.target);
    const version = reference === null ? null : await store.findRunnable(actor.tenantId, reference);
    if (version === null) return refuse([modelNotFound(["target"])]);
    const entitlement = marketplace.entitlementFor(actor, version.facts, "PREDICT");
    if (!entitlement.ok) return refuse([entitlement.error]);
    const inputs = checkInputs(version.signature, command.inputs, deps.limits);
    if (!inputs.ok) return refuse(atLeastOne(inputs.error));
    const admission = metering.admit(actor);
    if (!admission.ok) return refuse([admission.error]);
    try {
      const request = { units: UNITS_PER_PREDICTION, timeoutMs: Math.max(1, patience.remainingMs()) };
      const reservation = await metering.reserve(actor, request);
      if (!reservation.ok) return refuse([reservation.error]);
      return await spend(pass, version, inputs.value, reservation.value);
    } finally {
      admission.value.leave();
    }
  }
  async function spend(pass, version, inputs, reservation) {
    let isSettled = false;
    try {
      const reply = await infer(pass, version, inputs);
      if (!reply.ok) return refuse([reply.error]);
      const prediction = predictionOf(pass, version, inputs, reply.value, reservation);
      const settled = await settle(pass, version, prediction, reservation);
      if (!settled.ok) return refuse([settled.error]);
      isSettled = true;
      return ok({ ...prediction, createdAt: settled.value.chargedAt });
    } finally {
      if (!isSettled) await release(pass.actor, reservation);
    }
  }
  async function infer({ actor, patience }, version, inputs) {
    const over = patience.over();
    if (over !== null) return refuse(over);
    const reply = await deps.infer({
      artifact: {
        digest: version.packDigest,
        path: deps.packPath(version.packDigest),
        runtime: version.runtime,
        batchable: hasBatchDimension(version.signature)
      },
      signature: version.signature,
      inputs: inputs.tensors,
      rows: inputs.rows,
      priority: "NORMAL",
      fairnessKey: actor.tenantId,
      weight: 1,
      timeoutMs: patience.remainingMs(),
      signal: patience.signal
    });
    return reply.ok ? reply : refuse(fromInferenceRefusal(reply.error, patience.timeoutMs));
  }
  async function settle({ actor, claim, patience }, version, prediction, reservation) {
    const over = claim === null ? patience.over() : null;
    if (over !== null) return refuse(over);
    const { sha256, ...facts } = prediction.receipt;
    const charge = {
      ...facts,
      predictionId: prediction.id,
      ownerTenantId: version.facts.model.tenantId,
      modelId: version.modelId,
      modelName: version.modelName,
      digest: sha256
    };
    if (claim === null) return unlessLost(await metering.settle(actor, reservation, charge));
    const outputs = prediction.outputs === null ? null : encodeOutputs(prediction.outputs);
    return unlessLost(
      await metering.settle(actor, reservation, charge, async (query) => {
        const isRecorded = await recordAnswer(query, actor.tenantId, claim, prediction.id, outputs);
        return isRecorded ? ok(void 0) : refuse(tookTooLong());
      })
    );
  }
  async function release(actor, reservation) {
    try {
      await metering.release(actor, reservation);
    } catch (error) {
      log.warn({ err: error, requestId: actor.requestId }, "A reservation could not be released.");
    }
  }
  function predictionOf({ actor, claim }, version, inputs, reply, reservation) {
    const now = clock.now();
    return {
      id: newId("prediction", now.getTime()),
      versionId: version.id,
      outputs: reply.outputs,
      hasKeptOutputs: claim !== null,
      receipt: {
        requestId: actor.requestId,
        model: version.modelName,
        versionId: version.id,
        versionNumber: version.number,
        sha256: version.digest,
        runtime: reply.runtime,
        worker: reply.worker,
        batchSize: reply.batchSize,
        rows: inputs.rows,
        queueMs: reply.timings.queueMs,
        loadMs: reply.timings.loadMs,
        computeMs: reply.timings.computeMs,
        charged: reservation.units,
        replayed: false,
        remaining: reservation.remaining
      },
      createdAt: now
    };
  }
  return predict;
}
function tookTooLong() {
  return predictionFailed("The prediction could not be recorded in time.", true);
}
function unlessLost(settled) {
  if (settled.ok) return settled;
  return refuse(settled.error.code === "RESERVATION_LOST" ? tookTooLong() : settled.error);
}
function atLeastOne(mistakes) {
  return mistakes;
}
export {
  createPredict
};
//# sourceMappingURL=predict.js.map
