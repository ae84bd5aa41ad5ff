export { entitlementFactsFromRow, entitlementFactsSql, entitlementFor } from './entitlement.js';
export type {
  Entitlement,
  EntitlementFacts,
  EntitlementFactsRow,
  EntitlementRefusal,
} from './entitlement.js';
export { notEntitled } from './errors.js';
export type { NotEntitled } from './errors.js';
export { createMarketplaceService } from './service.js';
export type { MarketplaceService } from './service.js';
