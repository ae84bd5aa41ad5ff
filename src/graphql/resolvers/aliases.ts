import { PEOPLE_NEEDED, type Alias } from '../../domain/aliases/index.js';
import { viewerCanEdit } from '../../domain/catalog/index.js';
import { toConnection } from '../connection.js';
import { requireTenantActor, type GraphQLContext } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { referenced, visible } from '../referenced.js';

async function versionOf({ loaders }: GraphQLContext, id: string) {
  return visible(await loaders.versions.load(id), 'version', 'alias');
}

async function versionOrNull(context: GraphQLContext, id: string | null) {
  return id === null ? null : versionOf(context, id);
}

async function modelOf({ loaders }: GraphQLContext, id: string) {
  return visible(await loaders.models.load(id), 'model', 'alias');
}

async function callersOf(
  context: GraphQLContext,
  { modelId, name }: Pick<Alias, 'modelId' | 'name'>,
  args: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
) {
  const actor = requireTenantActor(context);
  const { page, totalCount } = valueOrThrow(
    await context.services.metering.aliasCallersAcrossTenants(actor, { modelId, name, ...args }),
  );
  return { ...toConnection(page, (args.after ?? null) === null), totalCount };
}

export const aliasesResolvers = {
  Query: {
    checkAliasMove: async (_root, { input }, context) =>
      valueOrThrow(await context.services.aliases.checkAliasMove(requireTenantActor(context), input)),
  },

  Mutation: {
    setAlias: async (_root, { input }, context) =>
      toPayload(await context.services.aliases.setAlias(requireTenantActor(context), input), (done) => done),
    rollbackAlias: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.rollbackAlias(requireTenantActor(context), input),
        (done) => done,
      ),
    deleteAlias: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.deleteAlias(requireTenantActor(context), input),
        ({ move, request }) => ({ move, request }),
      ),
    protectAlias: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.protectAlias(requireTenantActor(context), input),
        ({ alias }) => ({ alias }),
      ),
    unprotectAlias: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.unprotectAlias(requireTenantActor(context), input),
        ({ alias, request }) => ({ alias, request }),
      ),
    approveAliasMove: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.approveAliasMove(requireTenantActor(context), input),
        (done) => done,
      ),
    rejectAliasMove: async (_root, { input }, context) =>
      toPayload(
        await context.services.aliases.rejectAliasMove(requireTenantActor(context), input),
        ({ request }) => ({ request }),
      ),
  },

  Model: {
    aliases: async ({ id }, _args, { loaders }) => (await loaders.aliasesOfModels.load(id)) ?? [],
    alias: ({ id }, { name, at }, context) =>
      context.services.aliases.aliasAt(requireTenantActor(context), id, name, at ?? null),
    aliasHistory: async ({ id }, args, context) =>
      toConnection(
        valueOrThrow(await context.services.aliases.listAliasMoves(requireTenantActor(context), id, args)),
        (args.after ?? null) === null,
      ),
  },

  Version: {
    aliases: async ({ id, modelId }, _args, { loaders }) =>
      ((await loaders.aliasesOfModels.load(modelId)) ?? []).filter(({ versionId }) => versionId === id),
  },

  Alias: {
    model: ({ modelId }, _args, context) => modelOf(context, modelId),
    version: ({ versionId }, _args, context) => versionOf(context, versionId),
    protected: ({ isProtected }) => isProtected,
    pendingRequests: async ({ modelId, name }, _args, { loaders }) =>
      ((await loaders.pendingAliasRequests.load(modelId)) ?? []).filter((request) => request.name === name),
    history: async ({ modelId, name }, page, context) =>
      toConnection(
        valueOrThrow(
          await context.services.aliases.listAliasMoves(requireTenantActor(context), modelId, {
            ...page,
            name,
          }),
        ),
        (page.after ?? null) === null,
      ),
    callers: (alias, page, context) =>
      viewerCanEdit(requireTenantActor(context), alias) ? callersOf(context, alias, page) : null,
  },

  AliasMove: {
    from: ({ fromVersionId }, _args, context) => versionOrNull(context, fromVersionId),
    to: ({ toVersionId }, _args, context) => versionOrNull(context, toVersionId),
    breakingAllowed: ({ isOverride }) => isOverride,
    request: ({ aliasRequestId }, _args, { loaders }) =>
      aliasRequestId === null ? null : loaders.aliasRequests.load(aliasRequestId),
    approvedByUserIds: ({ approvedBy }) => approvedBy,
    movedAt: ({ createdAt }) => createdAt,
  },

  AliasRequest: {
    model: ({ modelId }, _args, context) => modelOf(context, modelId),
    from: ({ fromVersionId }, _args, context) => versionOf(context, fromVersionId),
    to: ({ toVersionId }, _args, context) => versionOrNull(context, toVersionId),
    breakingAllowed: ({ isOverride }) => isOverride,
    approvedByUserIds: ({ approvedBy }) => approvedBy,
    approvalsNeeded: ({ status, approvedBy }) =>
      status === 'PENDING' ? Math.max(0, PEOPLE_NEEDED - approvedBy.length) : 0,
  },

  AliasMoveCheck: {
    to: ({ toVersionId }, _args, context) => versionOf(context, toVersionId),
    callers: (check, page, context) => callersOf(context, check, page),
  },

  AliasCaller: {
    tenant: async ({ tenantId }, _args, { loaders }) =>
      referenced(await loaders.tenants.load(tenantId), `Tenant ${tenantId}`),
    apiKey: ({ apiKeyId }, _args, { loaders }) => (apiKeyId === null ? null : loaders.apiKeys.load(apiKeyId)),
  },
} satisfies Resolvers;
