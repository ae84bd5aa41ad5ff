import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { kindOfId } from '../../lib/ids.js';
import type { Secrets } from './secrets.js';

// The envelope is checked by hand before jsonwebtoken sees the token, because that library accepts
// non-canonical base64url (two texts for one token) and ignores `crit`. One algorithm, one key, and a
// header that says nothing else: `jku`, `jwk`, `x5u`, `b64` have no place to be.

export const ACCESS_TOKEN_LIFETIME_MS = 5 * 60 * 1000;
/** For clocks of several servers on one database. */
const LEEWAY_SECONDS = 10;
const MAX_TOKEN_CHARACTERS = 2048;
const ISSUER = 'souk';
const AUDIENCE = 'souk-api';
const TYPE = 'at+jwt';
const SEGMENTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  /** Unlike the token's text, the one name by which a token could be listed. */
  readonly tokenId: string;
}

export interface IssuedAccessToken {
  readonly accessToken: string;
  readonly expiresAt: Date;
}

export function issueAccessToken(
  secrets: Secrets,
  claims: Pick<AccessClaims, 'userId' | 'sessionId'>,
  now: Date,
): IssuedAccessToken {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const expiresAt = issuedAt + ACCESS_TOKEN_LIFETIME_MS / 1000;
  const accessToken = jwt.sign(
    {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: claims.userId,
      sid: claims.sessionId,
      token_use: 'access',
      jti: randomBytes(16).toString('base64url'),
      iat: issuedAt,
      exp: expiresAt,
    },
    secrets.accessTokenKey,
    { algorithm: 'HS256', header: { alg: 'HS256', typ: TYPE, kid: secrets.accessTokenKeyId } },
  );
  return { accessToken, expiresAt: new Date(expiresAt * 1000) };
}

/** The claims of a token that we issued and that is in force at `now`; `null` for anything else. */
export function verifyAccessToken(secrets: Secrets, token: string, now: Date): AccessClaims | null {
  if (token.length > MAX_TOKEN_CHARACTERS) return null;
  const segments = SEGMENTS.exec(token)?.slice(1);
  if (segments === undefined || !segments.every(isCanonical)) return null;
  if (!isOurHeader(segments[0] as string, secrets.accessTokenKeyId)) return null;
  const nowSeconds = Math.floor(now.getTime() / 1000);
  let payload: unknown;
  try {
    payload = jwt.verify(token, secrets.accessTokenKey, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: AUDIENCE,
      clockTolerance: LEEWAY_SECONDS,
      clockTimestamp: nowSeconds,
    });
  } catch {
    // Whatever was wrong with it, the answer is the same.
    return null;
  }
  return readClaims(payload, nowSeconds);
}

/** Base64url has several texts for the same bytes when unused bits are set; only one of them is ours. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function isOurHeader(segment: string, keyId: string): boolean {
  const header = parseObject(Buffer.from(segment, 'base64url').toString('utf8'));
  if (header === null) return false;
  const names = Object.keys(header);
  return (
    names.length === 3 &&
    Object.hasOwn(header, 'alg') &&
    header['alg'] === 'HS256' &&
    header['typ'] === TYPE &&
    header['kid'] === keyId
  );
}

/** The signature holds already: these checks are against tokens of ours that were made for something else. */
function readClaims(payload: unknown, nowSeconds: number): AccessClaims | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const { sub, sid, jti, iat, exp, aud, token_use: use, nbf } = payload as Record<string, unknown>;
  // jsonwebtoken also accepts a list that contains our audience.
  if (use !== 'access' || aud !== AUDIENCE || nbf !== undefined) return null;
  if (!isSeconds(iat) || !isSeconds(exp)) return null;
  if (iat > nowSeconds + LEEWAY_SECONDS) return null;
  if (exp <= iat || exp - iat > ACCESS_TOKEN_LIFETIME_MS / 1000) return null;
  if (typeof sub !== 'string' || kindOfId(sub) !== 'user') return null;
  if (typeof sid !== 'string' || kindOfId(sid) !== 'session') return null;
  if (typeof jti !== 'string' || jti.length === 0) return null;
  return { userId: sub, sessionId: sid, tokenId: jti };
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
