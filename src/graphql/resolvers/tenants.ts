import { GraphQLError } from 'graphql';
import { hasTenant } from '../../domain/access/index.js';
import { toConnection } from '../connection.js';
import { requireActor, requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { referenced } from '../referenced.js';

export const tenantsResolvers = {
  Mutation: {
    createTenant: async (_root, { input }, context) =>
      toPayload(await context.services.tenants.createTenant(requireActor(context), input), (tenant) => ({
        tenant,
      })),

    updateTenant: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.updateTenant(requireTenantActor(context), input),
        (tenant) => ({ tenant }),
      ),

    inviteMember: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.inviteMember(requireTenantActor(context), input),
        ({ invitation, token }) => ({ invitation, token }),
      ),

    revokeInvitation: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.revokeInvitation(requireTenantActor(context), input),
        ({ invitationId }) => ({ revokedInvitationId: invitationId }),
      ),

    acceptInvitation: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.acceptInvitation(requireActor(context), input),
        (membership) => ({ membership }),
      ),

    changeMemberRole: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.changeMemberRole(requireTenantActor(context), input),
        (membership) => ({ membership }),
      ),

    removeMember: async (_root, { input }, context) =>
      toPayload(
        await context.services.tenants.removeMember(requireTenantActor(context), input),
        ({ membershipId }) => ({ removedMembershipId: membershipId }),
      ),
  },

  Tenant: {
    // The tenant that `signUp` answers is read by a request without a credential, which sees none of these.
    members: async ({ id }, page, { actor, services }) => {
      if (actor === null) return null;
      const members = valueOrThrow(await services.tenants.members(actor, id, page));
      return members === null ? null : toConnection(members, (page.after ?? null) === null);
    },
    storage: ({ id }, _args, { actor, services }) =>
      actor === null || !hasTenant(actor) ? null : services.versions.storageOfTenant(actor, id),
    invitations: ({ id }, _args, { actor, services }) =>
      actor === null ? null : services.tenants.invitations(actor, id),
    apiKeys: async ({ id }, page, { actor, services }) => {
      if (actor === null) return null;
      const keys = valueOrThrow(await services.identity.apiKeys(actor, id, page));
      return keys === null ? null : toConnection(keys, (page.after ?? null) === null);
    },
  },

  Membership: {
    tenant: async ({ tenantId }, _args, { loaders }) =>
      referenced(await loaders.tenants.load(tenantId), `Tenant ${tenantId}`),
    user: async ({ userId }, _args, { loaders }) => {
      const user = await loaders.users.load(userId);
      if (user !== null) return user;
      // A key that manages members without TENANT_READ, or a membership that ended since it was read.
      throw new GraphQLError('You may not see the person of this membership.', {
        extensions: { code: 'NOT_FOUND' },
      });
    },
  },
} satisfies Pick<Resolvers, 'Mutation' | 'Tenant' | 'Membership'>;
