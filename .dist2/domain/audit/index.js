import { createAuditService } from "./service.js";
export {
  createAuditService
};
//# sourceMappingURL=index.js.map
