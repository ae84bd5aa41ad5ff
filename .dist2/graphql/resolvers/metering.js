import { requireTenantActor } from "../context.js";
import { toPayload, valueOrThrow } from "../payload.js";
const meteringResolvers = {
  Query: {
    quota: async (_root, { apiKeyId }, context) => valueOrThrow(await context.services.metering.quota(requireTenantActor(context), { apiKeyId })),
    usage: async (_root, { range, groupBy }, context) => valueOrThrow(await context.services.metering.usage(requireTenantActor(context), { range, groupBy }))
  },
  Mutation: {
    setTenantQuota: async (_root, { input }, context) => toPayload(
      await context.services.metering.setTenantQuota(requireTenantActor(context), input),
      (quota) => ({
        quota
      })
    )
  }
};
export {
  meteringResolvers
};
//# sourceMappingURL=metering.js.map
