export { createSecrets, weaknessOfSecret } from './secrets.js';
export { createIdentityService } from './service.js';
export type { IdentityDeps, IdentityService } from './service.js';
export type { SignedUp } from './sign-up.js';
export type { ApiKey, SessionTokens, User } from './user.js';
