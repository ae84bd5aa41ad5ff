import { viewerRights } from "../../domain/catalog/index.js";
import { artifactPath } from "../../domain/versions/index.js";
import { requireTenantActor } from "../context.js";
import { toPayload } from "../payload.js";
import { referenced } from "../referenced.js";
const versionsResolvers = {
  Query: {
    version: (_root, { id }, context) => context.services.versions.getVersion(requireTenantActor(context), id),
    publication: (_root, { id }, context) => context.services.versions.getPublication(requireTenantActor(context), id)
  },
  Mutation: {
    publishVersion: async (_root, { input }, context) => {
      const published = await context.services.versions.publishVersion(requireTenantActor(context), {
        ...input,
        signal: context.signal
      });
      return published.ok ? published.value : toPayload(published, () => ({}));
    }
  },
  Upload: {
    sha256: ({ digest }) => digest
  },
  Version: {
    model: async ({ id, modelId }, _args, { loaders }) => referenced(await loaders.models.load(modelId), `The model of ${id}`),
    sha256: ({ digest }) => digest,
    downloadUrl: async (version, _args, context) => {
      const model = await context.loaders.models.load(version.modelId);
      const rights = model === null ? [] : viewerRights(requireTenantActor(context), model);
      return rights.includes("DOWNLOAD") ? artifactPath(version) : null;
    }
  },
  Publication: {
    model: async ({ id, modelId }, _args, { loaders }) => referenced(await loaders.models.load(modelId), `The model of ${id}`),
    version: ({ versionId }, _args, { loaders }) => versionId === null ? null : loaders.versions.load(versionId)
  }
};
export {
  versionsResolvers
};
//# sourceMappingURL=versions.js.map
