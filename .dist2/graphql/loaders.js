import DataLoader from "dataloader";
import { GraphQLError } from "graphql";
import { hasTenant } from "../domain/access/index.js";
const MAX_BATCH = 500;
const MAX_KEPT_OUTPUTS = 10;
function createLoaders(services, actor) {
  const { audit, tenants, identity, catalog, versions, sharing, predictions } = services;
  function forActor(read) {
    return loaderOf((ids) => actor === null ? Promise.resolve(nothing(ids)) : read(actor, ids));
  }
  function forTenant(read) {
    return loaderOf(
      (ids) => actor === null || !hasTenant(actor) ? Promise.resolve(nothing(ids)) : read(actor, ids)
    );
  }
  return {
    tenants: forActor((who, ids) => tenants.getTenantsByIds(who, ids)),
    memberships: forActor((who, ids) => tenants.getMembershipsByIds(who, ids)),
    invitations: forActor((who, ids) => tenants.getInvitationsByIds(who, ids)),
    users: forActor((who, ids) => identity.getUsersByIds(who, ids)),
    apiKeys: forActor((who, ids) => identity.getApiKeysByIds(who, ids)),
    models: forTenant((who, ids) => catalog.getModelsByIds(who, ids)),
    versions: forTenant((who, ids) => versions.getVersionsByIds(who, ids)),
    latestVersions: forTenant((who, ids) => versions.latestVersions(who, ids)),
    publications: forTenant((who, ids) => versions.getPublicationsByIds(who, ids)),
    grants: forTenant((who, ids) => sharing.getGrantsByIds(who, ids)),
    predictions: forTenant((who, ids) => predictions.getPredictionsByIds(who, ids)),
    keptOutputs: forTenant(async (who, ids) => {
      if (ids.length > MAX_KEPT_OUTPUTS) throw tooManyOutputs();
      const kept = [];
      for (const id of ids) kept.push(await predictions.readKeptOutputs(who, id));
      return kept;
    }),
    auditEvents: forTenant((who, ids) => audit.getAuditEventsByIds(who, ids))
  };
}
function loaderOf(read) {
  return new DataLoader(read, { maxBatchSize: MAX_BATCH });
}
function tooManyOutputs() {
  return new GraphQLError(
    `At most ${MAX_KEPT_OUTPUTS} kept answers are read at once; ask for outputs of fewer predictions.`,
    { extensions: { code: "BAD_USER_INPUT" } }
  );
}
function nothing(ids) {
  return ids.map(() => null);
}
export {
  createLoaders
};
//# sourceMappingURL=loaders.js.map
