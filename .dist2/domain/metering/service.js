import { LRUCache } from "lru-cache";
import { isDatabaseUnavailable } from "../../database/index.js";
import { mayBeId, newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import { createAdmission } from "./admission.js";
import {
  apiKeyNotFound,
  quotaExceeded,
  reservationLost,
  tenantNotFound
} from "./errors.js";
import { createGroupCommit } from "./group-commit.js";
import { periodOf, quotaOf, withinPeriod } from "./quota.js";
import {
  createMeteringStore
} from "./store.js";
import { checkLimit, checkUsageInput } from "./usage-input.js";
import { readUsage } from "./usage-report.js";
const DEFAULT_RESERVATION_MARGIN_MS = 3e4;
const MAX_ITEMS_PER_COMMIT = 128;
const SWEEP_BATCH = 1e3;
const MAX_OWED = 1e4;
function createMeteringService(deps) {
  const { database, clock, audit } = deps;
  const marginMs = deps.reservationMarginMs ?? DEFAULT_RESERVATION_MARGIN_MS;
  const store = createMeteringStore(database);
  const grouping = {
    maxItems: MAX_ITEMS_PER_COMMIT,
    mayRetryAlone: (fault) => !isDatabaseUnavailable(fault)
  };
  const claims = createGroupCommit(store.reserve, grouping);
  const settlements = createGroupCommit(store.settle, grouping);
  const owed = new LRUCache({ max: MAX_OWED });
  async function readQuotas(tenantId, apiKeyIds) {
    const period = periodOf(clock.now());
    const counters = await store.readCounters(tenantId, apiKeyIds, period);
    return counters.map(
      ({ subject, subjectId, limit, used, reserved }) => quotaOf(subject, subjectId, { limit, used, reserved }, period)
    );
  }
  return Object.freeze({
    admit: createAdmission(deps),
    async reserve(actor, { units, timeoutMs }) {
      const now = clock.now();
      const period = periodOf(now);
      const id = newId("reservation", now.getTime());
      const claim = {
        reservationId: id,
        apiKeyId: apiKeyOf(actor),
        units,
        period,
        expiresAt: new Date(now.getTime() + timeoutMs + marginMs),
        now
      };
      const answer = await claims.submit(actor.tenantId, claim).catch((error) => {
        owed.set(id, actor.tenantId);
        throw error;
      });
      if (!answer.admitted) {
        const { subject, limit, used } = answer;
        return refuse(quotaExceeded({ subject, limit, used, resetsAt: period.end }));
      }
      return ok({ id, tenantId: actor.tenantId, units, period, remaining: answer.remaining });
    },
    async settle(actor, reservation, charge, write) {
      const chargedAt = withinPeriod(reservation.period, clock.now());
      const settlement = {
        reservationId: reservation.id,
        userId: actor.kind === "user" ? actor.userId : null,
        requestId: actor.requestId,
        at: chargedAt,
        charge
      };
      if (write !== void 0) {
        const settled = await store.settleAndWrite(actor.tenantId, settlement, write);
        return settled.ok ? ok({ chargedAt }) : settled;
      }
      const isCharged = await settlements.submit(actor.tenantId, settlement);
      return isCharged ? ok({ chargedAt }) : refuse(reservationLost());
    },
    async release(actor, reservation) {
      try {
        await store.release(actor.tenantId, [reservation.id]);
      } catch (error) {
        owed.set(reservation.id, actor.tenantId);
        throw error;
      }
    },
    async quota(actor, { apiKeyId }) {
      if (!can(actor, "USAGE_READ")) return refuse(permissionDenied(actor, "USAGE_READ"));
      if (typeof apiKeyId === "string" && !mayBeId(apiKeyId)) return refuse(apiKeyNotFound(["apiKeyId"]));
      const keys = [apiKeyOf(actor), apiKeyId ?? null].filter((id) => id !== null);
      const quotas = await readQuotas(actor.tenantId, [...new Set(keys)]);
      const isMissing = (apiKeyId ?? null) !== null && !quotas.some((quota) => quota.subjectId === apiKeyId);
      return isMissing ? refuse(apiKeyNotFound(["apiKeyId"])) : ok(quotas);
    },
    async usage(actor, input) {
      if (!can(actor, "USAGE_READ")) return refuse(permissionDenied(actor, "USAGE_READ"));
      const question = checkUsageInput(input, clock.now());
      if (!question.ok) return question;
      return ok(await readUsage(database, actor.tenantId, question.value, question.value.groupBy));
    },
    async setTenantQuota(actor, input) {
      if (!can(actor, "PLATFORM_OPERATE")) return refuse(permissionDenied(actor, "PLATFORM_OPERATE"));
      const limit = checkLimit(input.predictionsPerMonth ?? null);
      if (!limit.ok) return limit;
      if (!mayBeId(input.tenantSlug)) return refuse(tenantNotFound(["tenantSlug"]));
      const set = await database.transaction(
        // The operator's own tenant is named too: the audit event is written there.
        { tenantId: actor.tenantId, acrossTenants: true },
        async (tx) => {
          const tenantId = await store.findTenantIdBySlugAcrossTenants(tx, input.tenantSlug);
          if (tenantId === null) return refuse(tenantNotFound(["tenantSlug"]));
          await store.setPlanLimitAcrossTenants(tx, tenantId, limit.value, clock.now());
          await audit.record(tx, actor, {
            action: "setTenantQuota",
            subjectId: tenantId,
            details: { tenantSlug: input.tenantSlug, predictionsPerMonth: limit.value }
          });
          return ok(tenantId);
        }
      );
      if (!set.ok) return set;
      const [quota] = await readQuotas(set.value, []);
      if (quota === void 0) throw new Error("A tenant that was just found has a quota.");
      return ok(quota);
    },
    async sweepReservationsAcrossTenants() {
      let swept = 0;
      for (const [id, tenantId] of [...owed]) {
        swept += await store.release(tenantId, [id]);
        owed.delete(id);
      }
      for (; ; ) {
        const dead = await store.listDeadReservationsAcrossTenants(
          clock.now(),
          deps.othersDiedBefore ?? null,
          SWEEP_BATCH
        );
        const idsOf = /* @__PURE__ */ new Map();
        for (const { id, tenantId } of dead) idsOf.set(tenantId, [...idsOf.get(tenantId) ?? [], id]);
        for (const [tenantId, ids] of idsOf) swept += await store.release(tenantId, ids);
        if (dead.length < SWEEP_BATCH) return swept;
      }
    }
  });
}
function apiKeyOf(actor) {
  return actor.kind === "apiKey" ? actor.apiKeyId : null;
}
export {
  DEFAULT_RESERVATION_MARGIN_MS,
  createMeteringService
};
//# sourceMappingURL=service.js.map
