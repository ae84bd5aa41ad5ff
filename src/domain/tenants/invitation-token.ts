import { createSecretTokenKind } from '../../lib/secret-token.js';

export const invitationTokens = createSecretTokenKind('souk_invite_');
