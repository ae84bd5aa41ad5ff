import type { Prediction } from '../../domain/predictions/index.js';
import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { toPayload, valueOrThrow } from '../payload.js';
import { noteLimitsLeft, noteRefusals } from '../rate-limit-headers.js';
import { encodeTensor, type TensorEncoding } from '../tensor-data.js';

/** A prediction on its way to a caller who said how its outputs are to be written. */
interface EncodedPrediction extends Prediction {
  readonly outputEncoding: TensorEncoding;
}

function encodingOf(prediction: Prediction | EncodedPrediction): TensorEncoding {
  return 'outputEncoding' in prediction ? prediction.outputEncoding : 'JSON';
}

export const predictionsResolvers = {
  Query: {
    prediction: async (_root, { id }, context) =>
      valueOrThrow(await context.services.predictions.prediction(requireTenantActor(context), id)),

    quotePrediction: async (_root, { input }, context) => {
      const { target, signature, inputs, idempotencyKey = null, timeoutMs = null } = input;
      return context.services.predictions.quote(requireTenantActor(context), {
        target,
        signature,
        inputs,
        idempotencyKey,
        timeoutMs,
      });
    },

    predictions: async (_root, args, context) =>
      toConnection(
        valueOrThrow(await context.services.predictions.predictions(requireTenantActor(context), args)),
        (args.after ?? null) === null,
      ),
  },

  Mutation: {
    predict: async (_root, { input }, context) => {
      const { target, signature, inputs, idempotencyKey = null, timeoutMs = null } = input;
      const { outputEncoding, priority } = input;
      const result = await context.services.predictions.predict(
        requireTenantActor(context),
        { target, signature, inputs, idempotencyKey, timeoutMs, priority: priority ?? 'NORMAL' },
        context.signal,
      );
      if (!result.ok) noteRefusals(context.rateLimits, result.error);
      return toPayload(result, (prediction) => {
        const { limits } = prediction;
        if (limits !== null && limits.length > 0) noteLimitsLeft(context.rateLimits, limits);
        return { prediction: { ...prediction, outputEncoding: outputEncoding ?? 'JSON' }, limits };
      });
    },
  },

  PredictionQuote: {
    admitted: ({ refusals }) => refusals.length === 0,
    version: ({ versionId }, _args, { loaders }) =>
      versionId === null ? null : loaders.versions.load(versionId),
    limits: ({ quotas }) => quotas,
    errors: ({ refusals }) => refusals,
  },

  Prediction: {
    version: ({ versionId }, _args, { loaders }) => loaders.versions.load(versionId),
    outputs: async (prediction, _args, context) => {
      const { id, outputs, hasKeptOutputs } = prediction;
      const tensors = outputs ?? (hasKeptOutputs ? await context.loaders.keptOutputs.load(id) : null);
      return tensors?.map((tensor) => encodeTensor(tensor, encodingOf(prediction))) ?? null;
    },
  },
} satisfies Resolvers;
