import { entitlementFor } from './entitlement.js';

export interface MarketplaceService {
  /** May this actor use this model like this, and on what terms? See `entitlement.ts`. No I/O. */
  readonly entitlementFor: typeof entitlementFor;
}

/** One place to ask for terms, so that subscriptions can join owner, grant and public without a new caller. */
export function createMarketplaceService(): MarketplaceService {
  return Object.freeze({ entitlementFor });
}
