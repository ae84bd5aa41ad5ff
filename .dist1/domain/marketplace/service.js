import { entitlementFor } from "./entitlement.js";
function createMarketplaceService() {
  return Object.freeze({ entitlementFor });
}
export {
  createMarketplaceService
};
//# sourceMappingURL=service.js.map
