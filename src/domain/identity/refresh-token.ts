import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'souk_refresh_';
const TOKEN = /^souk_refresh_[0-9A-Za-z_-]{43}$/;

/** 256 random bits; not a JSON Web Token, so that it can never be taken for an access token. */
export function newRefreshToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** What is stored and looked up: SHA-256, hex. `null` when the text cannot be one of our tokens. */
export function hashRefreshToken(token: string): string | null {
  return TOKEN.test(token) ? createHash('sha256').update(token).digest('hex') : null;
}
