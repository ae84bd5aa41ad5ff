import { fullNameOf, viewerCanEdit, viewerRights } from "../../domain/catalog/index.js";
import { toConnection } from "../connection.js";
import { requireTenantActor } from "../context.js";
import { toPayload, valueOrThrow } from "../payload.js";
import { referenced } from "../referenced.js";
const catalogResolvers = {
  Query: {
    model: (_root, { owner, name }, context) => context.services.catalog.findModel(requireTenantActor(context), owner, name),
    models: async (_root, args, context) => valueOrThrow(await context.services.catalog.searchModels(requireTenantActor(context), args))
  },
  Mutation: {
    createModel: async (_root, { input }, context) => toPayload(await context.services.catalog.createModel(requireTenantActor(context), input), (model) => ({
      model
    })),
    updateModel: async (_root, { input }, context) => toPayload(await context.services.catalog.updateModel(requireTenantActor(context), input), (model) => ({
      model
    })),
    archiveModel: async (_root, { input }, context) => toPayload(
      await context.services.catalog.archiveModel(requireTenantActor(context), input.modelId),
      (model) => ({ model })
    ),
    unarchiveModel: async (_root, { input }, context) => toPayload(
      await context.services.catalog.unarchiveModel(requireTenantActor(context), input.modelId),
      (model) => ({ model })
    )
  },
  Model: {
    owner: async ({ tenantId }, _args, { loaders }) => referenced(await loaders.tenants.load(tenantId), `Tenant ${tenantId}`),
    fullName: (model) => fullNameOf(model),
    // Lists come without cards; then one statement reads all that are asked for.
    card: async ({ id, card }, _args, { loaders }) => card ?? (await loaders.models.load(id))?.card ?? "",
    viewerRights: (model, _args, context) => viewerRights(requireTenantActor(context), model),
    viewerCanEdit: (model, _args, context) => viewerCanEdit(requireTenantActor(context), model),
    latestVersion: ({ id }, _args, { loaders }) => loaders.latestVersions.load(id),
    version: ({ id }, { number }, context) => context.services.versions.versionByNumber(requireTenantActor(context), id, number),
    versions: async ({ id }, page, context) => toConnection(
      valueOrThrow(await context.services.versions.listVersions(requireTenantActor(context), id, page)),
      (page.after ?? null) === null
    ),
    grants: async (model, page, context) => {
      const grants = valueOrThrow(
        await context.services.sharing.listGrants(requireTenantActor(context), model, page)
      );
      return grants === null ? null : toConnection(grants, (page.after ?? null) === null);
    }
  },
  ModelConnection: {
    edges: ({ page, isFirstPage }) => toConnection(page, isFirstPage).edges,
    nodes: ({ page }) => page.items,
    pageInfo: ({ page, isFirstPage }) => toConnection(page, isFirstPage).pageInfo,
    totalCount: async ({ summary }) => (await summary()).totalCount,
    facets: async ({ summary }) => (await summary()).facets
  }
};
export {
  catalogResolvers
};
//# sourceMappingURL=catalog.js.map
