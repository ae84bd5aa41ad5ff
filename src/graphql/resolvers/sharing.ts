import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload } from '../payload.js';
import { referenced, visible } from '../referenced.js';

export const sharingResolvers = {
  Mutation: {
    grantAccess: async (_root, { input }, context) =>
      toPayload(await context.services.sharing.grantAccess(requireTenantActor(context), input), (grant) => ({
        grant,
      })),

    revokeAccess: async (_root, { input }, context) =>
      toPayload(
        await context.services.sharing.revokeAccess(requireTenantActor(context), input.grantId),
        (revokedGrantId) => ({ revokedGrantId }),
      ),
  },

  Grant: {
    // It may also have ended since it was read.
    model: async ({ modelId }, _args, { loaders }) =>
      visible(await loaders.models.load(modelId), 'model', 'grant'),
    grantee: async ({ granteeTenantId }, _args, { loaders }) =>
      referenced(await loaders.tenants.load(granteeTenantId), `Tenant ${granteeTenantId}`),
  },
} satisfies Pick<Resolvers, 'Mutation' | 'Grant'>;
