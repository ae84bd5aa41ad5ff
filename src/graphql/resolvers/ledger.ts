import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';

export const ledgerResolvers = {
  Query: {
    checkUsageRollups: async (_root, { range }, context) =>
      valueOrThrow(await context.services.ledger.checkUsageRollups(requireTenantActor(context), { range })),
  },

  Mutation: {
    refundUsage: async (_root, { input }, context) =>
      toPayload(
        await context.services.ledger.refundUsage(requireTenantActor(context), input),
        (correction) => ({ correction }),
      ),
    correctUsage: async (_root, { input }, context) =>
      toPayload(
        await context.services.ledger.correctUsage(requireTenantActor(context), input),
        (correction) => ({ correction }),
      ),
    rebuildUsageRollups: async (_root, { input }, context) =>
      toPayload(
        await context.services.ledger.rebuildUsageRollups(requireTenantActor(context), input),
        (events) => ({ events }),
      ),
  },

  Prediction: {
    corrections: async ({ id }, _args, { loaders }) => (await loaders.corrections.load(id)) ?? [],
  },
} satisfies Resolvers;
