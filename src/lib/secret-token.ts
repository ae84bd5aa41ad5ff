import { createHash, randomBytes } from 'node:crypto';

/** A kind of secret that is shown once and kept as a hash. */
export interface SecretTokenKind {
  /** 256 random bits behind the prefix. */
  make(): string;
  /** What is stored and looked up: SHA-256, hex. `null` when the text cannot be a token of this kind. */
  hash(token: string): string | null;
}

/** @param prefix tells the kind, to people and to scanners for leaked secrets; letters and `_` only */
export function createSecretTokenKind(prefix: string): SecretTokenKind {
  const shape = new RegExp(`^${prefix}[0-9A-Za-z_-]{43}$`);
  return Object.freeze({
    make: () => prefix + randomBytes(32).toString('base64url'),
    hash: (token: string) => (shape.test(token) ? createHash('sha256').update(token).digest('hex') : null),
  });
}
