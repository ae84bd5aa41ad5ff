import { createSecretTokenKind } from "../../lib/secret-token.js";
const invitationTokens = createSecretTokenKind("souk_invite_");
export {
  invitationTokens
};
//# sourceMappingURL=invitation-token.js.map
