import { permissionDenied } from "../access/index.js";
import { ok, refuse } from "../../lib/result.js";
import { kindOfId } from "../../lib/ids.js";
import { lastOwner, membershipNotFound } from "./errors.js";
import * as invitations from "./invitation-store.js";
import { mayGiveRole } from "./may-give.js";
import * as store from "./store.js";
async function changeMemberRole({ database, audit, clock }, actor, input) {
  const { tenantId } = actor;
  if (!actor.permissions.has("MEMBER_MANAGE")) return refuse(permissionDenied(actor, "MEMBER_MANAGE"));
  if (kindOfId(input.membershipId) !== "membership") return refuse(membershipNotFound());
  return database.transaction({ tenantId }, async (tx) => {
    const { isOperator } = await store.lockTenant(tx, tenantId);
    const member = await store.findMembership(tx, tenantId, input.membershipId);
    if (member === null) return refuse(membershipNotFound());
    const ownRole = await ownRoleOf(tx, actor);
    if (!mayGiveRole(actor, ownRole, member.role, isOperator) || !mayGiveRole(actor, ownRole, input.role, isOperator)) {
      return refuse(aboveOwn(actor, member.role === "OWNER" ? "OWNER" : input.role));
    }
    if (member.role === input.role) return ok(member);
    if (member.role === "OWNER" && await store.countOwners(tx, tenantId) === 1) return refuse(lastOwner());
    await store.updateRole(tx, tenantId, member.id, input.role);
    await revokeInvitationsBeyond(tx, actor, member.userId, input.role, clock.now());
    await audit.record(tx, actor, {
      action: "changeMemberRole",
      subjectId: member.id,
      details: { memberUserId: member.userId, from: member.role, to: input.role }
    });
    return ok({ ...member, role: input.role });
  });
}
async function removeMember({ database, audit, clock }, actor, input) {
  const { tenantId } = actor;
  const mayManage = actor.permissions.has("MEMBER_MANAGE");
  if (!mayManage && actor.kind === "apiKey") return refuse(permissionDenied(actor, "MEMBER_MANAGE"));
  if (kindOfId(input.membershipId) !== "membership") {
    return refuse(mayManage ? membershipNotFound() : permissionDenied(actor, "MEMBER_MANAGE"));
  }
  return database.transaction(
    { tenantId },
    async (tx) => {
      const { isOperator } = await store.lockTenant(tx, tenantId);
      const member = await store.findMembership(tx, tenantId, input.membershipId);
      const isSelf = actor.kind === "user" && member?.userId === actor.userId;
      if (!isSelf) {
        if (!mayManage) return refuse(permissionDenied(actor, "MEMBER_MANAGE"));
        if (member === null) return refuse(membershipNotFound());
        const ownRole = await ownRoleOf(tx, actor);
        if (!mayGiveRole(actor, ownRole, member.role, isOperator))
          return refuse(aboveOwn(actor, member.role));
      }
      if (member === null) return refuse(membershipNotFound());
      if (member.role === "OWNER" && await store.countOwners(tx, tenantId) === 1) {
        return refuse(lastOwner());
      }
      await store.deleteMembership(tx, tenantId, member.id);
      await revokeInvitationsBeyond(tx, actor, member.userId, null, clock.now());
      await audit.record(tx, actor, {
        action: "removeMember",
        subjectId: member.id,
        details: { memberUserId: member.userId, role: member.role }
      });
      return ok({ membershipId: member.id });
    }
  );
}
async function ownRoleOf(tx, actor) {
  return actor.kind === "user" ? store.findRoleOfUser(tx, actor.tenantId, actor.userId) : null;
}
function aboveOwn(actor, role) {
  return {
    ...permissionDenied(actor, "MEMBER_MANAGE"),
    message: role === "OWNER" ? "Only an owner of the tenant can make or unmake an owner." : `The role ${role} allows more than you may; nobody gives or takes a role above their own.`
  };
}
async function revokeInvitationsBeyond(tx, actor, userId, newRole, now) {
  if (newRole === "OWNER") return;
  const made = await invitations.listOpenInvitations(tx, actor.tenantId, now);
  const beyond = made.filter(
    (invitation) => (
      // An administrator may still invite all but owners.
      invitation.invitedBy === userId && (newRole !== "ADMIN" || invitation.role === "OWNER")
    )
  );
  if (beyond.length > 0) {
    await invitations.revokeOpen(
      tx,
      actor.tenantId,
      beyond.map(({ id }) => id),
      now
    );
  }
}
export {
  aboveOwn,
  changeMemberRole,
  ownRoleOf,
  removeMember
};
//# sourceMappingURL=member-changes.js.map
