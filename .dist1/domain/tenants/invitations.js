import { can, permissionDenied } from "../access/index.js";
import { kindOfId, newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import {
  alreadyMember,
  invitationNotFound,
  invitationNotValid,
  tooManyInvitations
} from "./errors.js";
import * as invitations from "./invitation-store.js";
import { invitationTokens } from "./invitation-token.js";
import { mayGiveRole } from "./may-give.js";
import { aboveOwn, ownRoleOf } from "./member-changes.js";
import { checkEmail } from "./names.js";
import * as store from "./store.js";
const INVITATION_LIFETIME_MS = 7 * 24 * 60 * 60 * 1e3;
const MAX_OPEN_INVITATIONS = 200;
async function inviteMember({ database, audit, clock }, actor, input) {
  const { tenantId } = actor;
  if (!can(actor, "MEMBER_MANAGE")) return refuse(permissionDenied(actor, "MEMBER_MANAGE"));
  const email = checkEmail(input.email, "email");
  if (!email.ok) return email;
  const token = invitationTokens.make();
  return database.transaction(
    { tenantId },
    async (tx) => {
      const now = clock.now();
      const { isOperator } = await store.lockTenant(tx, tenantId);
      const ownRole = await ownRoleOf(tx, actor);
      if (!mayGiveRole(actor, ownRole, input.role, isOperator)) return refuse(aboveOwn(actor, input.role));
      if (await store.hasMemberWithEmail(tx, tenantId, email.value)) return refuse(alreadyMember("email"));
      const openOnes = await invitations.listOpenInvitations(tx, tenantId, now);
      const replaced = openOnes.filter((invitation2) => invitation2.email === email.value);
      const untouchable = replaced.find(({ role }) => !mayGiveRole(actor, ownRole, role, isOperator));
      if (untouchable !== void 0) return refuse(aboveOwn(actor, untouchable.role));
      if (openOnes.length - replaced.length >= MAX_OPEN_INVITATIONS) {
        return refuse(tooManyInvitations(MAX_OPEN_INVITATIONS));
      }
      const replacedIds = replaced.map(({ id }) => id);
      await invitations.revokeOpen(tx, tenantId, replacedIds, now);
      const invitation = {
        id: newId("invitation", now.getTime()),
        tenantId,
        email: email.value,
        role: input.role,
        invitedBy: actor.kind === "user" ? actor.userId : null,
        expiresAt: new Date(now.getTime() + INVITATION_LIFETIME_MS),
        createdAt: now
      };
      await invitations.insertInvitation(tx, tenantId, invitation, invitationTokens.hash(token));
      await audit.record(tx, actor, {
        action: "inviteMember",
        subjectId: invitation.id,
        details: { email: email.value, role: input.role, replaced: replacedIds }
      });
      return ok({ invitation, token });
    }
  );
}
async function revokeInvitation({ database, audit, clock }, actor, input) {
  const { tenantId } = actor;
  if (!can(actor, "MEMBER_MANAGE")) return refuse(permissionDenied(actor, "MEMBER_MANAGE"));
  if (kindOfId(input.invitationId) !== "invitation") return refuse(invitationNotFound());
  return database.transaction(
    { tenantId },
    async (tx) => {
      const now = clock.now();
      const { isOperator } = await store.lockTenant(tx, tenantId);
      const [invitation] = await invitations.findOpenInvitations(tx, tenantId, [input.invitationId], now);
      if (invitation === void 0) return refuse(invitationNotFound());
      const ownRole = await ownRoleOf(tx, actor);
      if (!mayGiveRole(actor, ownRole, invitation.role, isOperator)) {
        return refuse(aboveOwn(actor, invitation.role));
      }
      const revoked = await invitations.revokeOpen(tx, tenantId, [invitation.id], now);
      if (revoked === 0) return refuse(invitationNotFound());
      await audit.record(tx, actor, {
        action: "revokeInvitation",
        subjectId: invitation.id,
        details: { email: invitation.email, role: invitation.role }
      });
      return ok({ invitationId: invitation.id });
    }
  );
}
async function acceptInvitation(deps, actor, input) {
  const tokenHash = invitationTokens.hash(input.token);
  if (actor.kind !== "user" || tokenHash === null) return refuse(invitationNotValid());
  const { userId } = actor;
  const now = deps.clock.now();
  const invitation = await deps.database.transaction({ userId, proof: tokenHash }, async (tx) => {
    const email = await invitations.findEmailOfUser(tx, userId);
    const found = await invitations.findInvitationByTokenAcrossTenants(tx, tokenHash, now);
    return found !== null && found.email === email ? found : null;
  });
  if (invitation === null) return refuse(invitationNotValid());
  const { tenantId } = invitation;
  return deps.database.transaction(
    { tenantId, userId },
    async (tx) => {
      const joined = await joinByInvitation(deps, tx, invitation, userId);
      if (!joined.ok) return joined;
      await deps.audit.record(
        tx,
        { tenantId, userId, requestId: actor.requestId },
        {
          action: "acceptInvitation",
          subjectId: joined.value.id,
          details: { invitationId: invitation.id, role: invitation.role }
        }
      );
      return joined;
    }
  );
}
async function joinByInvitation({ clock }, tx, invitation, userId) {
  const now = clock.now();
  const { tenantId, role } = invitation;
  const taken = await invitations.acceptOpen(tx, tenantId, invitation.id, now);
  if (!taken) return refuse(invitationNotValid());
  const membership = {
    id: newId("membership", now.getTime()),
    tenantId,
    userId,
    role,
    createdAt: now
  };
  const isNew = await store.insertMembership(tx, tenantId, membership);
  return isNew ? ok(membership) : refuse(alreadyMember());
}
export {
  acceptInvitation,
  inviteMember,
  joinByInvitation,
  revokeInvitation
};
//# sourceMappingURL=invitations.js.map
