import { createSecretTokenKind } from '../../lib/secret-token.js';

/** Not a JSON Web Token, so that it can never be taken for an access token. */
export const refreshTokens = createSecretTokenKind('souk_refresh_');
