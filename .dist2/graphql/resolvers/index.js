import { auditResolvers } from "./audit.js";
import { catalogResolvers } from "./catalog.js";
import { enumResolvers } from "./enums.js";
import { identityResolvers } from "./identity.js";
import { meteringResolvers } from "./metering.js";
import { nodeResolvers } from "./node.js";
import { predictionsResolvers } from "./predictions.js";
import { scalarResolvers } from "./scalars.js";
import { serverResolvers } from "./server.js";
import { sharingResolvers } from "./sharing.js";
import { tenantsResolvers } from "./tenants.js";
import { userErrorResolvers } from "./user-error.js";
import { versionsResolvers } from "./versions.js";
import { viewerResolvers } from "./viewer.js";
const parts = [
  scalarResolvers,
  enumResolvers,
  userErrorResolvers,
  nodeResolvers,
  viewerResolvers,
  serverResolvers,
  auditResolvers,
  tenantsResolvers,
  identityResolvers,
  catalogResolvers,
  versionsResolvers,
  sharingResolvers,
  meteringResolvers,
  predictionsResolvers
];
function createResolvers() {
  const merged = {};
  for (const part of parts) {
    for (const [type, resolvers] of Object.entries(part)) {
      const present = merged[type];
      if (present === void 0) merged[type] = resolvers;
      else merged[type] = mergeFields(type, present, resolvers);
    }
  }
  return merged;
}
function mergeFields(type, left, right) {
  for (const field of Object.keys(right)) {
    if (Object.hasOwn(left, field)) throw new Error(`${type}.${field} has two resolvers.`);
  }
  return { ...left, ...right };
}
export {
  createResolvers
};
//# sourceMappingURL=index.js.map
