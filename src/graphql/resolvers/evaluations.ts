import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';

export const evaluationsResolvers = {
  Query: {
    dataset: (_root, { id }, context) => {
      requireTenantActor(context);
      return context.loaders.datasets.load(id);
    },
    evaluation: (_root, { id }, context) => {
      requireTenantActor(context);
      return context.loaders.evaluations.load(id);
    },
    evaluations: async (_root, args, context) =>
      toConnection(
        valueOrThrow(await context.services.evaluations.evaluations(requireTenantActor(context), args)),
        (args.after ?? null) === null,
      ),
    compareEvaluations: async (_root, args, context) =>
      valueOrThrow(await context.services.evaluations.compareEvaluations(requireTenantActor(context), args)),
  },

  Mutation: {
    createDataset: async (_root, { input }, context) =>
      toPayload(
        await context.services.evaluations.createDataset(requireTenantActor(context), {
          ...input,
          signal: context.signal,
        }),
        (dataset) => ({ dataset }),
      ),
    deleteDataset: async (_root, { input }, context) =>
      toPayload(
        await context.services.evaluations.deleteDataset(requireTenantActor(context), input),
        ({ datasetId }) => ({ deletedDatasetId: datasetId }),
      ),
    evaluateVersion: async (_root, { input }, context) =>
      toPayload(
        await context.services.evaluations.evaluateVersion(requireTenantActor(context), {
          ...input,
          signal: context.signal,
        }),
        (evaluation) => ({ evaluation }),
      ),
    cancelEvaluation: async (_root, { input }, context) =>
      toPayload(
        await context.services.evaluations.cancelEvaluation(requireTenantActor(context), input),
        (evaluation) => ({ evaluation }),
      ),
    resumeEvaluation: async (_root, { input }, context) =>
      toPayload(
        await context.services.evaluations.resumeEvaluation(requireTenantActor(context), input),
        (evaluation) => ({ evaluation }),
      ),
  },

  Tenant: {
    datasets: async ({ id }, page, { actor, services }) => {
      if (actor === null) return null;
      const datasets = valueOrThrow(await services.evaluations.datasets(actor, id, page));
      return datasets === null ? null : toConnection(datasets, (page.after ?? null) === null);
    },
  },

  Dataset: {
    sha256: ({ digest }) => digest,
    sourceSha256: ({ sourceDigest }) => sourceDigest,
  },

  Evaluation: {
    version: ({ versionId }, _args, { loaders }) => loaders.versions.load(versionId),
    dataset: ({ datasetId }, _args, { loaders }) => loaders.datasets.load(datasetId),
    datasetSha256: ({ datasetDigest }) => datasetDigest,
    progress: ({ rowsDone, rows }) => rowsDone / rows,
  },

  EvaluationFailure: {
    // A failure is a refusal of the corridor, whose codes are all in the contract.
    code: ({ code }) => code as never,
  },
} satisfies Pick<Resolvers, 'Query' | 'Mutation' | 'Tenant' | 'Dataset' | 'Evaluation' | 'EvaluationFailure'>;
