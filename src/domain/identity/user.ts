import type { Permission } from '../access/index.js';

/** A person with a sign-in. */
export interface User {
  /** Starts with `usr_`. */
  readonly id: string;
  readonly name: string;
  /** Lower case. */
  readonly email: string;
  readonly createdAt: Date;
}

/** A pair of tokens of one session. */
export interface SessionTokens {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

/** A credential of a tenant for programs, without its secret. */
export interface ApiKey {
  /** Starts with `key_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly prefix: string;
  readonly lastFour: string;
  /** In the order of the registry. */
  readonly scopes: readonly Permission[];
  /** `null`: only the tenant's quota counts. */
  readonly predictionsPerMonth: number | null;
  /** The person at the root: who made it, or made the key that made it. */
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
}
