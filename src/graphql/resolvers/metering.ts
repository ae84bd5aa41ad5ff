import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';

export const meteringResolvers = {
  Query: {
    quota: async (_root, { apiKeyId }, context) =>
      valueOrThrow(await context.services.metering.quota(requireTenantActor(context), { apiKeyId })),

    limits: async (_root, { apiKeyId }, context) =>
      valueOrThrow(await context.services.metering.limits(requireTenantActor(context), { apiKeyId })),

    quotaThresholds: async (_root, args, context) =>
      toConnection(
        valueOrThrow(await context.services.metering.thresholdEvents(requireTenantActor(context), args)),
        (args.after ?? null) === null,
      ),

    usage: async (_root, { range, groupBy, granularity }, context) =>
      valueOrThrow(
        await context.services.metering.usage(requireTenantActor(context), { range, groupBy, granularity }),
      ),
  },

  Mutation: {
    setLimit: async (_root, { input }, context) =>
      toPayload(await context.services.metering.setLimit(requireTenantActor(context), input), (limit) => ({
        limit,
      })),

    removeLimit: async (_root, { input }, context) =>
      toPayload(
        await context.services.metering.removeLimit(requireTenantActor(context), input),
        (removedLimit) => ({ removedLimit }),
      ),

    setTenantQuota: async (_root, { input }, context) =>
      toPayload(
        await context.services.metering.setTenantQuota(requireTenantActor(context), input),
        (quota) => ({
          quota,
        }),
      ),
  },

  LimitLeft: {
    id: ({ terms }) => terms.id,
    subject: ({ terms }) => terms.subject,
    subjectId: ({ terms }) => terms.subjectId,
    modelId: ({ terms }) => terms.modelId,
    measure: ({ terms }) => terms.measure,
    window: ({ terms }) => terms.window,
    currency: ({ terms }) => terms.currency,
    limit: ({ terms }) => terms.limit,
    resetsAt: ({ terms }) => terms.resetsAt,
  },

  QuotaThreshold: {
    limit: ({ amount }) => amount,
  },
} satisfies Resolvers;
