import { viewerCanEdit, viewerRights } from '../../domain/catalog/index.js';
import { artifactPath } from '../../domain/versions/index.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload } from '../payload.js';
import { referenced } from '../referenced.js';

export const versionsResolvers = {
  Query: {
    version: (_root, { id }, context) =>
      context.services.versions.getVersion(requireTenantActor(context), id),
    publication: (_root, { id }, context) =>
      context.services.versions.getPublication(requireTenantActor(context), id),
  },

  Mutation: {
    publishVersion: async (_root, { input }, context) => {
      const published = await context.services.versions.publishVersion(requireTenantActor(context), {
        ...input,
        signal: context.signal,
      });
      // A file that was refused has a publication too, so its payload carries both.
      return published.ok ? published.value : toPayload(published, () => ({}));
    },
    createUploadFromDigest: async (_root, { input }, context) =>
      toPayload(
        await context.services.versions.createUploadFromDigest(requireTenantActor(context), input),
        (upload) => ({ upload }),
      ),
    setTenantStorage: async (_root, { input }, context) =>
      toPayload(
        await context.services.versions.setTenantStorage(requireTenantActor(context), input),
        (storage) => ({ storage }),
      ),
  },

  Upload: {
    sha256: ({ digest }) => digest,
  },

  Version: {
    model: async ({ id, modelId }, _args, { loaders }) =>
      referenced(await loaders.models.load(modelId), `The model of ${id}`),
    sha256: ({ digest }) => digest,
    trials: ({ runtime, trials }) => trials.map((trial) => ({ ...trial, chosen: trial.runtime === runtime })),
    downloadUrl: async (version, _args, context) => {
      const model = await context.loaders.models.load(version.modelId);
      const rights = model === null ? [] : viewerRights(requireTenantActor(context), model);
      return rights.includes('DOWNLOAD') ? artifactPath(version) : null;
    },
    quarantine: async ({ modelId, packDigest }, _args, context) => {
      const model = await context.loaders.models.load(modelId);
      const isEditor = model !== null && viewerCanEdit(requireTenantActor(context), model);
      return isEditor ? context.services.server.quarantineOf(packDigest) : null;
    },
  },

  Publication: {
    model: async ({ id, modelId }, _args, { loaders }) =>
      referenced(await loaders.models.load(modelId), `The model of ${id}`),
    version: ({ versionId }, _args, { loaders }) =>
      versionId === null ? null : loaders.versions.load(versionId),
  },
} satisfies Pick<Resolvers, 'Query' | 'Mutation' | 'Upload' | 'Version' | 'Publication'>;
