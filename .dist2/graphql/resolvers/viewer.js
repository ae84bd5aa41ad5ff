import { PERMISSIONS } from "../../domain/access/index.js";
const viewerResolvers = {
  Query: {
    viewer: (_root, _args, { actor }) => actor
  },
  Viewer: {
    user: (actor, _args, { loaders }) => actor.kind === "user" ? loaders.users.load(actor.userId) : null,
    apiKey: (actor, _args, { loaders }) => actor.kind === "apiKey" ? loaders.apiKeys.load(actor.apiKeyId) : null,
    tenant: ({ tenantId }, _args, { loaders }) => tenantId === null ? null : loaders.tenants.load(tenantId),
    role: (actor) => actor.kind === "user" ? actor.role : null,
    permissions: ({ permissions }) => PERMISSIONS.filter((permission) => permissions.has(permission)),
    memberships: (actor, _args, { services }) => services.tenants.membershipsOf(actor)
  }
};
export {
  viewerResolvers
};
//# sourceMappingURL=viewer.js.map
