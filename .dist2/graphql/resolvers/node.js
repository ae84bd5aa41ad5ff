import { hasTenant } from "../../domain/access/index.js";
import { kindOfId } from "../../lib/ids.js";
import { requireActor } from "../context.js";
const TYPE_NAMES = {
  tenant: "Tenant",
  membership: "Membership",
  invitation: "Invitation",
  user: "User",
  apiKey: "ApiKey",
  model: "Model",
  upload: "Upload",
  version: "Version",
  publication: "Publication",
  grant: "Grant",
  prediction: "Prediction",
  auditEvent: "AuditEvent"
};
function nodeKindOf(id) {
  const kind = kindOfId(id);
  return kind !== null && kind in TYPE_NAMES ? kind : null;
}
async function readNode(actor, kind, id, { loaders, services }) {
  switch (kind) {
    case "tenant":
      return loaders.tenants.load(id);
    case "membership":
      return loaders.memberships.load(id);
    case "invitation":
      return loaders.invitations.load(id);
    case "user":
      return loaders.users.load(id);
    case "apiKey":
      return loaders.apiKeys.load(id);
    case "model":
      return loaders.models.load(id);
    case "upload":
      return hasTenant(actor) ? services.versions.getUpload(actor, id) : null;
    case "version":
      return loaders.versions.load(id);
    case "publication":
      return loaders.publications.load(id);
    case "grant":
      return loaders.grants.load(id);
    case "prediction":
      return loaders.predictions.load(id);
    case "auditEvent":
      return loaders.auditEvents.load(id);
  }
}
const nodeResolvers = {
  Query: {
    node: async (_root, { id }, context) => {
      const actor = requireActor(context);
      const kind = nodeKindOf(id);
      return kind === null ? null : await readNode(actor, kind, id, context);
    }
  },
  Node: {
    __resolveType: ({ id }) => {
      const kind = nodeKindOf(id);
      if (kind === null) throw new Error(`An object without an id of ours was returned as a Node: ${id}.`);
      return TYPE_NAMES[kind];
    }
  }
};
export {
  nodeResolvers
};
//# sourceMappingURL=node.js.map
