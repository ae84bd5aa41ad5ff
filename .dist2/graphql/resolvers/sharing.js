import { GraphQLError } from "graphql";
import { requireTenantActor } from "../context.js";
import { toPayload } from "../payload.js";
import { referenced } from "../referenced.js";
const sharingResolvers = {
  Mutation: {
    grantAccess: async (_root, { input }, context) => toPayload(await context.services.sharing.grantAccess(requireTenantActor(context), input), (grant) => ({
      grant
    })),
    revokeAccess: async (_root, { input }, context) => toPayload(
      await context.services.sharing.revokeAccess(requireTenantActor(context), input.grantId),
      (revokedGrantId) => ({ revokedGrantId })
    )
  },
  Grant: {
    model: async ({ modelId }, _args, { loaders }) => {
      const model = await loaders.models.load(modelId);
      if (model !== null) return model;
      throw new GraphQLError("You may not see the model of this grant.", {
        extensions: { code: "NOT_FOUND" }
      });
    },
    grantee: async ({ granteeTenantId }, _args, { loaders }) => referenced(await loaders.tenants.load(granteeTenantId), `Tenant ${granteeTenantId}`)
  }
};
export {
  sharingResolvers
};
//# sourceMappingURL=sharing.js.map
