import { createSecretTokenKind } from "../../lib/secret-token.js";
const refreshTokens = createSecretTokenKind("souk_refresh_");
export {
  refreshTokens
};
//# sourceMappingURL=refresh-token.js.map
