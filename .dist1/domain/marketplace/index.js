import { entitlementFactsFromRow, entitlementFactsSql, entitlementFor } from "./entitlement.js";
import { notEntitled } from "./errors.js";
import { createMarketplaceService } from "./service.js";
export {
  createMarketplaceService,
  entitlementFactsFromRow,
  entitlementFactsSql,
  entitlementFor,
  notEntitled
};
//# sourceMappingURL=index.js.map
