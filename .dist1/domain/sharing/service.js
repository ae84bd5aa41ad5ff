import { kindOfId, newId } from "../../lib/ids.js";
import { parsePageRequest, toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import {
  lockOwnModel,
  modelArchived,
  modelNotFound
} from "../catalog/index.js";
import {
  expiryInThePast,
  granteeNotFound,
  grantNotFound,
  grantToOneself,
  noRights
} from "./errors.js";
import { canonicalRights } from "./grant.js";
import * as store from "./store.js";
const SORT = "grants";
function createSharingService({ database, clock, audit }) {
  async function getGrantsByIds(actor, ids) {
    const wanted = ids.filter((id) => kindOfId(id) === "grant");
    const sides = { asOwner: can(actor, "GRANT_MANAGE"), asGrantee: can(actor, "MODEL_READ") };
    if (wanted.length === 0 || !(sides.asOwner || sides.asGrantee)) return ids.map(() => null);
    const { tenantId } = actor;
    const found = await database.transaction(
      { tenantId },
      (tx) => store.findGrants(tx, tenantId, wanted, sides, clock.now())
    );
    const byId = new Map(found.map((grant) => [grant.id, grant]));
    return ids.map((id) => byId.get(id) ?? null);
  }
  return Object.freeze({
    async grantAccess(actor, input) {
      if (!can(actor, "GRANT_MANAGE")) return refuse(permissionDenied(actor, "GRANT_MANAGE"));
      const { modelId } = input;
      if (kindOfId(modelId) !== "model") return refuse(modelNotFound());
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx) => {
        const model = await lockOwnModel(tx, tenantId, modelId);
        if (model === null) return refuse(modelNotFound());
        if (model.archivedAt !== null) return refuse(modelArchived());
        const now = clock.now();
        const rights = canonicalRights(input.rights);
        if (rights.length === 0) return refuse(noRights());
        const expiresAt = input.expiresAt ?? null;
        if (expiresAt !== null && !(expiresAt.getTime() > now.getTime())) return refuse(expiryInThePast());
        const granteeSlug = input.granteeSlug.trim().toLowerCase();
        const granteeTenantId = /^[a-z0-9-]{1,40}$/.test(granteeSlug) ? await store.findTenantIdBySlugAcrossTenants(tx, granteeSlug) : null;
        if (granteeTenantId === null) return refuse(granteeNotFound());
        if (granteeTenantId === tenantId) return refuse(grantToOneself());
        const grant = await store.replaceGrant(tx, tenantId, {
          id: newId("grant", now.getTime()),
          modelId,
          granteeTenantId,
          rights,
          expiresAt,
          createdAt: now,
          createdBy: actor.kind === "user" ? actor.userId : null
        });
        await audit.record(tx, actor, {
          action: "grantAccess",
          subjectId: grant.id,
          details: {
            modelId,
            granteeTenantId,
            granteeSlug,
            rights: [...rights],
            expiresAt: expiresAt?.toISOString() ?? null
          }
        });
        return ok(grant);
      });
    },
    async revokeAccess(actor, grantId) {
      if (!can(actor, "GRANT_MANAGE")) return refuse(permissionDenied(actor, "GRANT_MANAGE"));
      if (kindOfId(grantId) !== "grant") return refuse(grantNotFound());
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx) => {
        const grant = await store.revokeGrant(tx, tenantId, grantId, clock.now());
        if (grant === null) return refuse(grantNotFound());
        const { modelId, granteeTenantId } = grant;
        await audit.record(tx, actor, {
          action: "revokeAccess",
          subjectId: grantId,
          details: { modelId, granteeTenantId }
        });
        return ok(grantId);
      });
    },
    async listGrants(actor, model, input) {
      const { tenantId } = actor;
      if (model.tenantId !== tenantId || !can(actor, "GRANT_MANAGE")) return ok(null);
      const page = parsePageRequest(SORT, 1, input);
      if (!page.ok) return page;
      if (page.value.after !== null && kindOfId(String(page.value.after[0])) !== "grant") {
        return refuse({
          code: "INVALID_INPUT",
          message: "after is not a cursor of this list.",
          path: ["after"]
        });
      }
      const grants = await database.transaction(
        { tenantId },
        (tx) => store.listGrants(tx, tenantId, model.id, page.value, clock.now())
      );
      return ok(toPage(grants, page.value, SORT, (grant) => [grant.id]));
    },
    getGrantsByIds,
    async getGrantById(actor, id) {
      return (await getGrantsByIds(actor, [id]))[0] ?? null;
    }
  });
}
export {
  createSharingService
};
//# sourceMappingURL=service.js.map
