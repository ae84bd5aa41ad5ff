import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'souk_invite_';
const TOKEN = /^souk_invite_[0-9A-Za-z_-]{43}$/;

/** 256 random bits behind a prefix that scanners for leaked secrets can know. */
export function newInvitationToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** What is stored and looked up: SHA-256, hex. `null` when the text cannot be one of our tokens. */
export function hashInvitationToken(token: string): string | null {
  return TOKEN.test(token) ? createHash('sha256').update(token).digest('hex') : null;
}
