import { kindOfId, mayBeId } from "../../lib/ids.js";
import { parsePageRequest, toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import { invalidInput } from "./errors.js";
import { createIdempotency } from "./idempotency.js";
import { createLedgerReads } from "./ledger-rows.js";
import { DEFAULT_INPUT_LIMITS } from "./limits.js";
import { createPredict } from "./predict.js";
import { createPredictionsStore } from "./store.js";
const DEFAULT_TIMEOUT_MS = 1e4;
const DEFAULT_CLAIM_MARGIN_MS = 3e4;
const SORT = "predictions";
function createPredictionsService(deps) {
  const { clock, log } = deps;
  const store = createPredictionsStore(deps.database, deps.othersDiedBefore ?? null);
  const ledger = createLedgerReads(deps.database);
  const claimMarginMs = deps.claimMarginMs ?? DEFAULT_CLAIM_MARGIN_MS;
  const predict = createPredict({
    ...deps,
    store,
    idempotent: createIdempotency({ store, clock, log, claimMarginMs }),
    limits: deps.limits ?? DEFAULT_INPUT_LIMITS,
    defaultTimeoutMs: deps.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS
  });
  async function getPredictionsByIds(actor, ids) {
    if (!can(actor, "USAGE_READ")) return ids.map(() => null);
    const found = new Map(
      (await ledger.getByIds(actor.tenantId, ids.filter(mayBeId))).map((item) => [item.id, item])
    );
    return ids.map((id) => found.get(id) ?? null);
  }
  return Object.freeze({
    /** Measures once for every exit of the corridor. */
    async predict(actor, command, signal) {
      const startMs = clock.monotonicMs();
      let outcome = "FAULT";
      let prediction = null;
      try {
        const result = await predict(actor, command, signal);
        if (result.ok) prediction = result.value;
        outcome = result.ok ? result.value.receipt.replayed ? "REPLAYED" : "OK" : result.error[0].code;
        return result;
      } finally {
        deps.observe?.({ actor, outcome, durationMs: clock.monotonicMs() - startMs, prediction });
      }
    },
    async prediction(actor, id) {
      if (!can(actor, "USAGE_READ")) return refuse(permissionDenied(actor, "USAGE_READ"));
      const [prediction = null] = await getPredictionsByIds(actor, [id]);
      return ok(prediction);
    },
    async predictions(actor, { filter, first, after }) {
      if (!can(actor, "USAGE_READ")) return refuse(permissionDenied(actor, "USAGE_READ"));
      const page = parsePageRequest(SORT, 2, { first, after });
      if (!page.ok) return page;
      if (page.value.after !== null && !isKey(page.value.after)) {
        return refuse(invalidInput(["after"], "after is not a cursor of this list."));
      }
      const wanted = filter ?? {};
      const isImpossible = Object.values(wanted).some((id) => typeof id === "string" && !mayBeId(id));
      const rows = isImpossible ? [] : await ledger.list(actor.tenantId, wanted, page.value);
      return ok(toPage(rows, page.value, SORT, (row) => [row.createdAt.toISOString(), row.id]));
    },
    getPredictionsByIds,
    async readKeptOutputs(actor, predictionId) {
      return can(actor, "USAGE_READ") ? ledger.findKeptOutputs(actor.tenantId, predictionId) : null;
    }
  });
}
function isKey([createdAt, id]) {
  if (typeof createdAt !== "string" || typeof id !== "string" || kindOfId(id) !== "prediction") return false;
  const time = new Date(createdAt);
  return !Number.isNaN(time.getTime()) && time.toISOString() === createdAt && createdAt.length === 24;
}
export {
  createPredictionsService
};
//# sourceMappingURL=service.js.map
