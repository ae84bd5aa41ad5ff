import { nameOfMonth } from '../../domain/billing/index.js';
import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { referenced } from '../referenced.js';

export const billingResolvers = {
  Query: {
    statements: async (_root, page, context) =>
      toConnection(
        valueOrThrow(await context.services.billing.statements(requireTenantActor(context), page)),
        (page.after ?? null) === null,
      ),

    statement: async (_root, { month, currency }, context) =>
      valueOrThrow(
        await context.services.billing.statement(requireTenantActor(context), { month, currency }),
      ),

    earnings: async (_root, { month }, context) =>
      valueOrThrow(await context.services.billing.earningsAcrossTenants(requireTenantActor(context), month)),
  },

  Mutation: {
    closeStatements: async (_root, { input }, context) =>
      toPayload(
        await context.services.billing.closeStatementsAcrossTenants(requireTenantActor(context), input.month),
        (closing) => ({ closing }),
      ),
  },

  Statement: {
    month: ({ periodStart }) => nameOfMonth(periodStart),
  },

  StatementLine: {
    month: ({ forPeriodStart }) => nameOfMonth(forPeriodStart),
    model: ({ modelName }) => modelName,
    plan: ({ planName }) => planName,
    computeMs: ({ computeUs }) => computeUs / 1000,
  },

  Earnings: {
    month: ({ periodStart }) => nameOfMonth(periodStart),
  },

  EarningsLine: {
    subscriber: async ({ line }, _args, { loaders }) =>
      referenced(await loaders.tenants.load(line.tenantId), `Tenant ${line.tenantId}`),
  },

  StatementClosing: {
    month: ({ periodStart }) => nameOfMonth(periodStart),
  },
} satisfies Resolvers;
