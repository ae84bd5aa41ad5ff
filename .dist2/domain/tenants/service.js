import { newId } from "../../lib/ids.js";
import { parsePageRequest, toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import {
  can,
  permissionDenied
} from "../access/index.js";
import {
  slugTaken
} from "./errors.js";
import * as invitations from "./invitation-store.js";
import { invitationTokens } from "./invitation-token.js";
import {
  acceptInvitation,
  inviteMember,
  joinByInvitation,
  revokeInvitation
} from "./invitations.js";
import { changeMemberRole, removeMember } from "./member-changes.js";
import { checkName, checkSlug } from "./names.js";
import * as store from "./store.js";
const MEMBERS_SORT = "members";
function createTenantsService(deps) {
  const { database, clock, audit, defaultPredictionsPerMonth } = deps;
  async function foundTenant(tx, founding) {
    const now = clock.now();
    const { tenantId, slug, name, isOperator, ownerUserId } = founding;
    const tenant = { id: tenantId, slug, name, isOperator, createdAt: now };
    if (!await store.insertTenant(tx, tenant)) return null;
    await store.insertPlan(tx, tenantId, defaultPredictionsPerMonth, now);
    await store.insertMembership(tx, tenantId, {
      id: newId("membership", now.getTime()),
      tenantId,
      userId: ownerUserId,
      role: "OWNER",
      createdAt: now
    });
    return tenant;
  }
  return Object.freeze({
    async createTenant(actor, input) {
      if (actor.kind === "apiKey") return refuse(permissionDenied(actor, "TENANT_WRITE"));
      const slug = checkSlug(input.slug, "slug");
      if (!slug.ok) return slug;
      const name = checkName(input.name ?? slug.value, "name");
      if (!name.ok) return name;
      const { userId, requestId } = actor;
      const tenantId = newId("tenant", clock.now().getTime());
      return database.transaction({ tenantId, userId }, async (tx) => {
        const founding = { tenantId, slug: slug.value, name: name.value, ownerUserId: userId };
        const tenant = await foundTenant(tx, { ...founding, isOperator: false });
        if (tenant === null) return refuse(slugTaken(slug.value, "slug"));
        await audit.record(
          tx,
          { tenantId, userId, requestId },
          { action: "createTenant", subjectId: tenantId, details: { slug: tenant.slug, name: tenant.name } }
        );
        return ok(tenant);
      });
    },
    async updateTenant(actor, input) {
      if (!can(actor, "TENANT_WRITE")) return refuse(permissionDenied(actor, "TENANT_WRITE"));
      const name = checkName(input.name, "name");
      if (!name.ok) return name;
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx) => {
        const tenant = await store.updateTenantName(tx, tenantId, name.value);
        const details = { name: name.value };
        await audit.record(tx, actor, { action: "updateTenant", subjectId: tenantId, details });
        return ok(tenant);
      });
    },
    inviteMember: inviteMember.bind(null, deps),
    revokeInvitation: revokeInvitation.bind(null, deps),
    acceptInvitation: acceptInvitation.bind(null, deps),
    changeMemberRole: changeMemberRole.bind(null, deps),
    removeMember: removeMember.bind(null, deps),
    async getTenantsByIds(actor, ids) {
      const found = await database.transaction(
        contextOf(actor),
        (tx) => store.findTenantsAcrossTenants(tx, ids)
      );
      return inOrder(ids, found);
    },
    async findTenantBySlug(actor, slug) {
      if (!checkSlug(slug, "slug").ok) return null;
      return database.transaction(contextOf(actor), (tx) => store.findTenantBySlugAcrossTenants(tx, slug));
    },
    async members(actor, tenantId, input) {
      if (!mayReadMembers(actor, tenantId)) return ok(null);
      const page = parsePageRequest(MEMBERS_SORT, 1, input);
      if (!page.ok) return page;
      const rows = await database.transaction(
        { tenantId },
        (tx) => store.listMembers(tx, tenantId, page.value)
      );
      return ok(toPage(rows, page.value, MEMBERS_SORT, ({ id }) => [id]));
    },
    async invitations(actor, tenantId) {
      if (!mayReadMembers(actor, tenantId)) return null;
      return database.transaction(
        { tenantId },
        (tx) => invitations.listOpenInvitations(tx, tenantId, clock.now())
      );
    },
    async membershipsOf(actor) {
      if (actor.kind === "apiKey") return [];
      const { userId } = actor;
      return database.transaction({ userId }, (tx) => store.listMembershipsOfUserAcrossTenants(tx, userId));
    },
    async getMembershipsByIds(actor, ids) {
      const found = await database.transaction(
        contextOf(actor),
        (tx) => store.findMembershipsAcrossTenants(tx, ids)
      );
      const visible = found.filter(
        ({ userId, tenantId }) => actor.kind === "user" && userId === actor.userId || mayReadMembers(actor, tenantId)
      );
      return inOrder(ids, visible);
    },
    async getInvitationsByIds(actor, ids) {
      const { tenantId } = actor;
      if (tenantId === null || !mayReadMembers(actor, tenantId)) return ids.map(() => null);
      const found = await database.transaction(
        { tenantId },
        (tx) => invitations.findOpenInvitations(tx, tenantId, ids, clock.now())
      );
      return inOrder(ids, found);
    },
    foundTenant,
    async getTenant(tx, tenantId) {
      const [tenant] = await store.findTenantsAcrossTenants(tx, [tenantId]);
      if (tenant === void 0) throw new Error(`The tenant ${tenantId} does not exist.`);
      return tenant;
    },
    hasOperatorTenantAcrossTenants: store.hasOperatorTenantAcrossTenants,
    async findInvitationFor(email, token) {
      const proof = invitationTokens.hash(token);
      if (proof === null) return null;
      const found = await database.transaction(
        { proof },
        (tx) => invitations.findInvitationByTokenAcrossTenants(tx, proof, clock.now())
      );
      return found?.email === email ? found : null;
    },
    joinByInvitation: joinByInvitation.bind(null, deps)
  });
}
function contextOf(actor) {
  return {
    tenantId: actor.tenantId ?? void 0,
    userId: actor.kind === "user" ? actor.userId : void 0
  };
}
function mayReadMembers(actor, tenantId) {
  return actor.tenantId === tenantId && can(actor, "TENANT_READ");
}
function inOrder(ids, found) {
  const byId = new Map(found.map((item) => [item.id, item]));
  return ids.map((id) => byId.get(id) ?? null);
}
export {
  createTenantsService
};
//# sourceMappingURL=service.js.map
