import { viewerCanEdit, viewerRights } from '../../domain/catalog/index.js';
import {
  artifactPath,
  judgeTrials,
  type PublicationReport,
  type Version,
  type Yank,
} from '../../domain/versions/index.js';
import type { Refusal, Result } from '../../lib/result.js';
import { toConnection } from '../connection.js';
import { requireTenantActor, type GraphQLContext } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { visible } from '../referenced.js';

function operationCount({ operations }: PublicationReport): number | null {
  return operations.length === 0 ? null : operations.reduce((sum, { count }) => sum + count, 0);
}

/** Who did it is for their own tenant to know. */
function authorOf({ tenantId, yankedBy }: Yank, prefix: 'usr_' | 'key_', context: GraphQLContext) {
  const isOwn = requireTenantActor(context).tenantId === tenantId;
  return isOwn && yankedBy?.startsWith(prefix) === true ? yankedBy : null;
}

/** The version as it is after the change, whatever this request has read of its yank before. */
function afterYank(changed: Result<Version, Refusal>, { loaders }: GraphQLContext) {
  if (changed.ok) loaders.yanks.clear(changed.value.id);
  return toPayload(changed, (version) => ({ version }));
}

export const versionsResolvers = {
  Query: {
    version: (_root, { id }, context) =>
      context.services.versions.getVersion(requireTenantActor(context), id),
    publication: (_root, { id }, context) =>
      context.services.versions.getPublication(requireTenantActor(context), id),
    compareVersions: (_root, { a, b }, context) =>
      context.services.versions.compareVersions(requireTenantActor(context), a, b),
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

    yankVersion: async (_root, { input }, context) =>
      afterYank(await context.services.versions.yankVersion(requireTenantActor(context), input), context),

    unyankVersion: async (_root, { input }, context) =>
      afterYank(
        await context.services.versions.unyankVersion(requireTenantActor(context), input.versionId),
        context,
      ),

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
    model: async ({ modelId }, _args, { loaders }) =>
      visible(await loaders.models.load(modelId), 'model', 'version'),
    sha256: ({ digest }) => digest,
    trials: ({ runtime, trials }) => judgeTrials(trials, runtime),
    derivedFrom: ({ derivedFrom }, _args, { loaders }) =>
      derivedFrom === null ? null : loaders.versions.load(derivedFrom),
    derivatives: async ({ id }, page, context) =>
      toConnection(
        valueOrThrow(await context.services.versions.listDerivatives(requireTenantActor(context), id, page)),
        (page.after ?? null) === null,
      ),
    yank: ({ id }, _args, { loaders }) => loaders.yanks.load(id),
    publication: ({ id }, _args, { loaders }) => loaders.publicationsOfVersions.load(id),
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
    model: async ({ modelId }, _args, { loaders }) =>
      visible(await loaders.models.load(modelId), 'model', 'publication'),
    version: ({ versionId }, _args, { loaders }) =>
      versionId === null ? null : loaders.versions.load(versionId),
    report: ({ bytes, report }) =>
      report === null
        ? null
        : {
            ...report,
            bytes,
            operationCount: operationCount(report),
            trials: judgeTrials(report.trials, report.runtime),
          },
  },

  Yank: {
    userId: (yank, _args, context) => authorOf(yank, 'usr_', context),
    apiKeyId: (yank, _args, context) => authorOf(yank, 'key_', context),
  },
} satisfies Pick<Resolvers, 'Query' | 'Mutation' | 'Upload' | 'Version' | 'Publication' | 'Yank'>;
