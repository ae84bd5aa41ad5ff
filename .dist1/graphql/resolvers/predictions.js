import { toConnection } from "../connection.js";
import { requireTenantActor } from "../context.js";
import { toPayload, valueOrThrow } from "../payload.js";
import { encodeTensor } from "../tensor-data.js";
function encodingOf(prediction) {
  return "outputEncoding" in prediction ? prediction.outputEncoding : "JSON";
}
const predictionsResolvers = {
  Query: {
    prediction: async (_root, { id }, context) => valueOrThrow(await context.services.predictions.prediction(requireTenantActor(context), id)),
    predictions: async (_root, args, context) => toConnection(
      valueOrThrow(await context.services.predictions.predictions(requireTenantActor(context), args)),
      (args.after ?? null) === null
    )
  },
  Mutation: {
    predict: async (_root, { input }, context) => {
      const { target, inputs, idempotencyKey = null, timeoutMs = null, outputEncoding } = input;
      const result = await context.services.predictions.predict(
        requireTenantActor(context),
        { target, inputs, idempotencyKey, timeoutMs },
        context.signal
      );
      return toPayload(result, (prediction) => ({
        prediction: { ...prediction, outputEncoding: outputEncoding ?? "JSON" }
      }));
    }
  },
  Prediction: {
    version: ({ versionId }, _args, { loaders }) => loaders.versions.load(versionId),
    outputs: async (prediction, _args, context) => {
      const { id, outputs, hasKeptOutputs } = prediction;
      const tensors = outputs ?? (hasKeptOutputs ? await context.loaders.keptOutputs.load(id) : null);
      return tensors?.map((tensor) => encodeTensor(tensor, encodingOf(prediction))) ?? null;
    }
  }
};
export {
  predictionsResolvers
};
//# sourceMappingURL=predictions.js.map
