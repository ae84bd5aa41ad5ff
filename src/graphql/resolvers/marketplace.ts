import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { referenced } from '../referenced.js';

export const marketplaceResolvers = {
  Query: {
    subscriptions: async (_root, page, context) =>
      toConnection(
        valueOrThrow(await context.services.marketplace.listSubscriptions(requireTenantActor(context), page)),
        (page.after ?? null) === null,
      ),
  },

  Mutation: {
    createPlan: async (_root, { input }, context) =>
      toPayload(
        await context.services.marketplace.createPlan(requireTenantActor(context), input),
        (plan) => ({
          plan,
        }),
      ),

    withdrawPlan: async (_root, { input }, context) =>
      toPayload(
        await context.services.marketplace.withdrawPlan(requireTenantActor(context), input.planId),
        (plan) => ({ plan }),
      ),

    subscribe: async (_root, { input }, context) =>
      toPayload(
        await context.services.marketplace.subscribe(requireTenantActor(context), input.planId),
        (subscription) => ({ subscription }),
      ),

    cancelSubscription: async (_root, { input }, context) =>
      toPayload(
        await context.services.marketplace.cancelSubscription(
          requireTenantActor(context),
          input.subscriptionId,
        ),
        (subscription) => ({ subscription }),
      ),
  },

  Model: {
    plans: async ({ id }, _args, { loaders }) => (await loaders.plansOfModels.load(id)) ?? [],
    subscribers: async (model, page, context) => {
      const subscribers = valueOrThrow(
        await context.services.marketplace.listSubscribers(requireTenantActor(context), model, page),
      );
      return subscribers === null ? null : toConnection(subscribers, (page.after ?? null) === null);
    },
  },

  Plan: {
    model: ({ modelId }, _args, { loaders }) => loaders.models.load(modelId),
  },

  PlanSubscription: {
    subscriber: async ({ tenantId }, _args, { loaders }) =>
      referenced(await loaders.tenants.load(tenantId), `Tenant ${tenantId}`),
    plan: ({ planId }, _args, { loaders }) => loaders.plans.load(planId),
    model: ({ modelId }, _args, { loaders }) => loaders.models.load(modelId),
  },
} satisfies Resolvers;
