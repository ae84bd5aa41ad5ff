import { createSecrets, weaknessOfSecret } from "./secrets.js";
import { createIdentityService } from "./service.js";
export {
  createIdentityService,
  createSecrets,
  weaknessOfSecret
};
//# sourceMappingURL=index.js.map
