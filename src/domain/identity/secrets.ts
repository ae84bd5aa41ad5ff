import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

export const MIN_SECRET_BYTES = 32;

/**
 * All keys of this room, derived from the server's one secret under labels of their own, so that none
 * can stand in for another. As KeyObjects, which neither `console.log` nor JSON ever shows.
 * Changing the secret ends all sessions' access tokens and makes every API key worthless.
 */
export interface Secrets {
  readonly accessTokenKey: KeyObject;
  /** Public name of `accessTokenKey`, in each token's header. */
  readonly accessTokenKeyId: string;
  /** Under which API keys are hashed: a copy of the table alone cannot test a guess. */
  readonly apiKeyPepper: KeyObject;
}

// Found in tutorials and sample files; whoever copies one has no secret.
const KNOWN_DEFAULTS =
  /change.?me|your.*secret|secret.?key|example|placeholder|0123456789abcdef0123456789abcdef/i;
const MIN_DISTINCT_CHARACTERS = 10;

/** Why a text is no secret, as the end of a sentence; `null` when it will do. For the configuration's report. */
export function weaknessOfSecret(jwtSecret: string): string | null {
  const bytes = Buffer.byteLength(jwtSecret);
  if (bytes < MIN_SECRET_BYTES) return `has ${bytes} bytes; expected at least ${MIN_SECRET_BYTES}`;
  if (KNOWN_DEFAULTS.test(jwtSecret)) return 'is a sample value; expected random characters';
  const distinct = new Set(jwtSecret).size;
  if (distinct < MIN_DISTINCT_CHARACTERS) {
    return `repeats ${distinct} characters; expected random ones`;
  }
  return null;
}

/** @throws when the secret is weak: no server may start on it */
export function createSecrets(jwtSecret: string): Secrets {
  const weakness = weaknessOfSecret(jwtSecret);
  if (weakness !== null) throw new Error(`JWT_SECRET ${weakness}.`);
  const derive = (label: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', jwtSecret, '', `souk ${label} v1`, bytes));
  return Object.freeze({
    accessTokenKey: createSecretKey(derive('access token', 32)),
    accessTokenKeyId: derive('access token key id', 9).toString('base64url'),
    apiKeyPepper: createSecretKey(derive('api key pepper', 32)),
  });
}
