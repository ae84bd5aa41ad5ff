export { entitlementFactsFromRow, entitlementFactsSql, entitlementFor } from './entitlement.js';
export type {
  Entitlement,
  EntitlementFacts,
  EntitlementFactsRow,
  EntitlementRefusal,
  SubscriptionInForce,
} from './entitlement.js';
export { notEntitled } from './errors.js';
export type { NotEntitled } from './errors.js';
export type { IncludedLimit, IncludedLimitInput } from './included-limits.js';
export type { CreatePlanInput, Plan, PlanStatus, Subscription, SubscriptionStatus } from './plan.js';
export { highestPriceOf, priceOf } from './price.js';
export type { PlanTerms, PlanTier, Priced } from './price.js';
export { createMarketplaceService } from './service.js';
export type { MarketplaceDeps, MarketplaceService } from './service.js';
