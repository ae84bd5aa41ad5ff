import { canonicalRights } from "./grant.js";
import { createSharingService } from "./service.js";
export {
  canonicalRights,
  createSharingService
};
//# sourceMappingURL=index.js.map
