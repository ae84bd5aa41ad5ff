import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';

export const meteringResolvers = {
  Query: {
    quota: async (_root, { apiKeyId }, context) =>
      valueOrThrow(await context.services.metering.quota(requireTenantActor(context), { apiKeyId })),

    usage: async (_root, { range, groupBy, granularity }, context) =>
      valueOrThrow(
        await context.services.metering.usage(requireTenantActor(context), { range, groupBy, granularity }),
      ),
  },

  Mutation: {
    setTenantQuota: async (_root, { input }, context) =>
      toPayload(
        await context.services.metering.setTenantQuota(requireTenantActor(context), input),
        (quota) => ({
          quota,
        }),
      ),
  },
} satisfies Resolvers;
