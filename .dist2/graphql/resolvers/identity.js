import { requireActor, requireTenantActor } from "../context.js";
import { toPayload } from "../payload.js";
const identityResolvers = {
  Mutation: {
    signUp: async (_root, { input }, context) => toPayload(await context.services.identity.signUp(context, input), ({ session, user, tenant }) => ({
      session,
      user,
      tenant
    })),
    signIn: async (_root, { input }, context) => toPayload(await context.services.identity.signIn(context, input), ({ session, user }) => ({
      session,
      user
    })),
    refreshSession: async (_root, { input }, context) => toPayload(await context.services.identity.refreshSession(context, input), (session) => ({ session })),
    signOut: async (_root, { input }, context) => toPayload(
      await context.services.identity.signOut(requireActor(context), input),
      ({ endedSessionIds }) => ({ endedSessionIds })
    ),
    createApiKey: async (_root, { input }, context) => toPayload(
      await context.services.identity.createApiKey(requireTenantActor(context), input),
      ({ apiKey, secret }) => ({ apiKey, secret })
    ),
    revokeApiKey: async (_root, { input }, context) => toPayload(
      await context.services.identity.revokeApiKey(requireTenantActor(context), input),
      (apiKey) => ({ apiKey })
    )
  }
};
export {
  identityResolvers
};
//# sourceMappingURL=identity.js.map
