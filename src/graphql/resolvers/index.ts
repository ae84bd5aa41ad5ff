/** Merges the rooms' resolvers, nothing else. */
import type { Resolvers } from '../generated/resolvers.js';
import { aliasesResolvers } from './aliases.js';
import { auditResolvers } from './audit.js';
import { billingResolvers } from './billing.js';
import { catalogResolvers } from './catalog.js';
import { enumResolvers } from './enums.js';
import { evaluationsResolvers } from './evaluations.js';
import { identityResolvers } from './identity.js';
import { ledgerResolvers } from './ledger.js';
import { marketplaceResolvers } from './marketplace.js';
import { meteringResolvers } from './metering.js';
import { nodeResolvers } from './node.js';
import { predictionsResolvers } from './predictions.js';
import { scalarResolvers } from './scalars.js';
import { serverResolvers } from './server.js';
import { sharingResolvers } from './sharing.js';
import { tenantsResolvers } from './tenants.js';
import { userErrorResolvers } from './user-error.js';
import { versionsResolvers } from './versions.js';
import { viewerResolvers } from './viewer.js';

const parts: readonly object[] = [
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
  aliasesResolvers,
  sharingResolvers,
  marketplaceResolvers,
  meteringResolvers,
  ledgerResolvers,
  billingResolvers,
  predictionsResolvers,
  evaluationsResolvers,
];

/** All resolvers in one object. A field that two rooms claim is a defect, found at the start. */
export function createResolvers(): Resolvers {
  const merged: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [type, resolvers] of Object.entries(part)) {
      const present = merged[type];
      if (present === undefined) merged[type] = resolvers;
      else merged[type] = mergeFields(type, present as object, resolvers as object);
    }
  }
  return merged;
}

function mergeFields(type: string, left: object, right: object): object {
  for (const field of Object.keys(right)) {
    if (Object.hasOwn(left, field)) throw new Error(`${type}.${field} has two resolvers.`);
  }
  return { ...left, ...right };
}
