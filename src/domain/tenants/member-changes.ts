import { permissionDenied, type PermissionDenied, type Role, type TenantActor } from '../access/index.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Tx } from '../../database/index.js';
import { kindOfId } from '../../lib/ids.js';
import type { TenantsDeps } from './deps.js';
import { lastOwner, membershipNotFound, type Conflict, type NotFound } from './errors.js';
import * as invitations from './invitation-store.js';
import { mayGiveRole } from './may-give.js';
import * as store from './store.js';
import type { Membership } from './tenant.js';

export type MemberChangeRefusal = PermissionDenied | NotFound | Conflict;

// Who may change whom is decided on rows read under the tenant's lock, not on the actor of the request:
// two owners who unmake each other at the same time must not both succeed.

/** Gives a member another role, effective with the member's next request. */
export async function changeMemberRole(
  { database, audit, clock }: TenantsDeps,
  actor: TenantActor,
  input: { readonly membershipId: string; readonly role: Role },
): Promise<Result<Membership, MemberChangeRefusal>> {
  const { tenantId } = actor;
  if (!actor.permissions.has('MEMBER_MANAGE')) return refuse(permissionDenied(actor, 'MEMBER_MANAGE'));
  if (kindOfId(input.membershipId) !== 'membership') return refuse(membershipNotFound());
  return database.transaction<Result<Membership, MemberChangeRefusal>>({ tenantId }, async (tx) => {
    const { isOperator } = await store.lockTenant(tx, tenantId);
    const member = await store.findMembership(tx, tenantId, input.membershipId);
    if (member === null) return refuse(membershipNotFound());
    const ownRole = await ownRoleOf(tx, actor);
    if (
      !mayGiveRole(actor, ownRole, member.role, isOperator) ||
      !mayGiveRole(actor, ownRole, input.role, isOperator)
    ) {
      return refuse(aboveOwn(actor, member.role === 'OWNER' ? 'OWNER' : input.role));
    }
    if (member.role === input.role) return ok(member);
    if (member.role === 'OWNER' && (await store.countOwners(tx, tenantId)) === 1) return refuse(lastOwner());
    await store.updateRole(tx, tenantId, member.id, input.role);
    await revokeInvitationsBeyond(tx, actor, member.userId, input.role, clock.now());
    await audit.record(tx, actor, {
      action: 'changeMemberRole',
      subjectId: member.id,
      details: { memberUserId: member.userId, from: member.role, to: input.role },
    });
    return ok({ ...member, role: input.role });
  });
}

/** Ends a membership, effective at once. Leaving oneself needs no permission. */
export async function removeMember(
  { database, audit, clock }: TenantsDeps,
  actor: TenantActor,
  input: { readonly membershipId: string },
): Promise<Result<{ membershipId: string }, MemberChangeRefusal>> {
  const { tenantId } = actor;
  const mayManage = actor.permissions.has('MEMBER_MANAGE');
  if (!mayManage && actor.kind === 'apiKey') return refuse(permissionDenied(actor, 'MEMBER_MANAGE'));
  if (kindOfId(input.membershipId) !== 'membership') {
    return refuse(mayManage ? membershipNotFound() : permissionDenied(actor, 'MEMBER_MANAGE'));
  }
  return database.transaction<Result<{ membershipId: string }, MemberChangeRefusal>>(
    { tenantId },
    async (tx) => {
      const { isOperator } = await store.lockTenant(tx, tenantId);
      const member = await store.findMembership(tx, tenantId, input.membershipId);
      const isSelf = actor.kind === 'user' && member?.userId === actor.userId;
      if (!isSelf) {
        // Asked before existence is told: without the permission, every id looks the same.
        if (!mayManage) return refuse(permissionDenied(actor, 'MEMBER_MANAGE'));
        if (member === null) return refuse(membershipNotFound());
        const ownRole = await ownRoleOf(tx, actor);
        if (!mayGiveRole(actor, ownRole, member.role, isOperator))
          return refuse(aboveOwn(actor, member.role));
      }
      if (member === null) return refuse(membershipNotFound());
      if (member.role === 'OWNER' && (await store.countOwners(tx, tenantId)) === 1) {
        return refuse(lastOwner());
      }
      await store.deleteMembership(tx, tenantId, member.id);
      await revokeInvitationsBeyond(tx, actor, member.userId, null, clock.now());
      await audit.record(tx, actor, {
        action: 'removeMember',
        subjectId: member.id,
        details: { memberUserId: member.userId, role: member.role },
      });
      return ok({ membershipId: member.id });
    },
  );
}

/** The acting user's role as the locked rows say it; `null` for an API key and for one who was just removed. */
export async function ownRoleOf(tx: Tx, actor: TenantActor): Promise<Role | null> {
  return actor.kind === 'user' ? store.findRoleOfUser(tx, actor.tenantId, actor.userId) : null;
}

export function aboveOwn(actor: TenantActor, role: Role): PermissionDenied {
  return {
    ...permissionDenied(actor, 'MEMBER_MANAGE'),
    message:
      role === 'OWNER'
        ? 'Only an owner of the tenant can make or unmake an owner.'
        : `The role ${role} allows more than you may; nobody gives or takes a role above their own.`,
  };
}

/**
 * Revokes the open invitations of a person who lost the right to make them. Otherwise someone who is
 * about to be removed could invite a second address of their own and come back.
 */
async function revokeInvitationsBeyond(
  tx: Tx,
  actor: TenantActor,
  userId: string,
  newRole: Role | null,
  now: Date,
): Promise<void> {
  if (newRole === 'OWNER') return;
  const made = await invitations.listOpenInvitations(tx, actor.tenantId, now);
  const beyond = made.filter(
    (invitation) =>
      // An administrator may still invite all but owners.
      invitation.invitedBy === userId && (newRole !== 'ADMIN' || invitation.role === 'OWNER'),
  );
  if (beyond.length > 0) {
    await invitations.revokeOpen(
      tx,
      actor.tenantId,
      beyond.map(({ id }) => id),
      now,
    );
  }
}
