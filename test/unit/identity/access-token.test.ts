import { createHmac, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { issueAccessToken, verifyAccessToken } from '../../../src/domain/identity/access-token.js';
import { createSecrets } from '../../../src/domain/identity/secrets.js';
import { newId } from '../../../src/lib/ids.js';

const SECRET = 'Zr8#kP2!vQ9xW4mT7nB1cY6dF3gH5jL0';
const secrets = createSecrets(SECRET);
const key = secrets.accessTokenKey.export();
const NOW = new Date('2026-05-01T12:00:00.500Z');
const NOW_SECONDS = Math.floor(NOW.getTime() / 1000);
const userId = newId('user');
const sessionId = newId('session');
const issued = issueAccessToken(secrets, { userId, sessionId }, NOW);
const [head = '', body = '', signature = ''] = issued.accessToken.split('.');

const HEADER = { alg: 'HS256', typ: 'at+jwt', kid: secrets.accessTokenKeyId };
const CLAIMS = {
  iss: 'souk',
  aud: 'souk-api',
  sub: userId,
  sid: sessionId,
  token_use: 'access',
  jti: 'x',
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 300,
};

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token with any header and claims, signed with our own key: only the checks stand against it. */
function forge(header: unknown, claims: unknown, hash = 'sha256'): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}

const verify = (token: string, now = NOW) => verifyAccessToken(secrets, token, now);
const without = (name: keyof typeof CLAIMS) => {
  const { [name]: _left, ...rest } = CLAIMS;
  return rest;
};

describe('an access token', () => {
  it('says who and which session, for five minutes', () => {
    expect(verify(issued.accessToken)).toMatchObject({ userId, sessionId });
    expect(issued.expiresAt).toEqual(new Date('2026-05-01T12:05:00.000Z'));
    expect(verify(forge(HEADER, CLAIMS))).toEqual({ userId, sessionId, tokenId: 'x' });
  });

  it('has a name of its own', () => {
    const again = issueAccessToken(secrets, { userId, sessionId }, NOW);
    expect(verify(again.accessToken)?.tokenId).not.toBe(verify(issued.accessToken)?.tokenId);
  });

  it('ends with a leeway of at most 30 seconds, on either side', () => {
    const at = (seconds: number) => verify(issued.accessToken, new Date((NOW_SECONDS + seconds) * 1000));
    expect(at(299)).not.toBeNull();
    expect(at(331)).toBeNull();
    expect(at(-31)).toBeNull();
    expect(at(-5)).not.toBeNull();
  });

  it('of a server with another secret is refused', () => {
    const other = createSecrets(SECRET.replace('Z', 'Y'));
    expect(other.accessTokenKeyId).not.toBe(secrets.accessTokenKeyId);
    expect(verifyAccessToken(other, issued.accessToken, NOW)).toBeNull();
    // Even when it claims our key's name.
    const input = `${head}.${body}`;
    const forged = `${input}.${createHmac('sha256', other.accessTokenKey).update(input).digest('base64url')}`;
    expect(verify(forged)).toBeNull();
  });

  it('with any one character changed is refused', () => {
    for (let i = 0; i < issued.accessToken.length; i++) {
      const other = issued.accessToken[i] === 'A' ? 'B' : 'A';
      expect(verify(issued.accessToken.slice(0, i) + other + issued.accessToken.slice(i + 1))).toBeNull();
    }
  });
});

describe('a forged or malformed token is refused:', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const unsigned = (alg: string) => `${encode({ ...HEADER, alg })}.${body}.`;
  // The last character carries two unused bits (32 bytes are 43 characters): three other spellings of it.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(signature.slice(-1));
  const respelled = [1, 2, 3].map(
    (bits) => `${head}.${body}.${signature.slice(0, -1)}${alphabet[last ^ bits] as string}`,
  );

  const cases: [string, string][] = [
    ['empty', ''],
    ['one segment', head],
    ['two segments', `${head}.${body}`],
    ['four segments', `${issued.accessToken}.${signature}`],
    ['five segments, as an encrypted token has', `${head}.${body}.${signature}.${body}.${head}`],
    ['no signature', `${head}.${body}.`],
    ['no header', `.${body}.${signature}`],
    ['no claims', `${head}..${signature}`],
    ['half a signature', `${head}.${body}.${signature.slice(0, 22)}`],
    ['a longer signature', `${head}.${body}.${signature}AA`],
    ['padding', `${issued.accessToken}=`],
    ['a line break at the end', `${issued.accessToken}\n`],
    ['a space in the signature', `${head}.${body}.${signature.slice(0, 20)} ${signature.slice(20)}`],
    ['a question mark in base64url', `${head}.${body}.?${signature.slice(1)}`],
    ['plain base64', issued.accessToken.replace(/[-_]/g, '+').replace(/^ey/, '+y')],
    ['an unused bit set (1)', respelled[0] as string],
    ['an unused bit set (2)', respelled[1] as string],
    ['an unused bit set (3)', respelled[2] as string],
    ['alg none', unsigned('none')],
    ['alg None', unsigned('None')],
    ['alg NONE', unsigned('NONE')],
    ['alg nOnE', unsigned('nOnE')],
    ['alg none with a signature', forge({ ...HEADER, alg: 'none' }, CLAIMS)],
    ['alg empty', forge({ ...HEADER, alg: '' }, CLAIMS)],
    ['alg in lower case', forge({ ...HEADER, alg: 'hs256' }, CLAIMS)],
    ['alg null', forge({ ...HEADER, alg: null }, CLAIMS)],
    ['alg a list', forge({ ...HEADER, alg: ['HS256'] }, CLAIMS)],
    ['alg absent', forge({ typ: 'at+jwt', kid: HEADER.kid }, CLAIMS)],
    ['HS384', forge({ ...HEADER, alg: 'HS384' }, CLAIMS, 'sha384')],
    ['HS512', forge({ ...HEADER, alg: 'HS512' }, CLAIMS, 'sha512')],
    ['HS256 in name, SHA-512 in fact', forge(HEADER, CLAIMS, 'sha512')],
    [
      'RS256 by a key of its own',
      jwt.sign(CLAIMS, privateKey, { algorithm: 'RS256', header: { ...HEADER, alg: 'RS256' } }),
    ],
    [
      'an empty key',
      `${head}.${body}.${createHmac('sha256', '').update(`${head}.${body}`).digest('base64url')}`,
    ],
    [
      'the raw secret as key',
      `${head}.${body}.${createHmac('sha256', SECRET).update(`${head}.${body}`).digest('base64url')}`,
    ],
    ['no kid', forge({ alg: 'HS256', typ: 'at+jwt' }, CLAIMS)],
    ['another kid', forge({ ...HEADER, kid: 'other' }, CLAIMS)],
    ['kid a path', forge({ ...HEADER, kid: '../../../../dev/null' }, CLAIMS)],
    ['kid a statement', forge({ ...HEADER, kid: "x' UNION SELECT 'key" }, CLAIMS)],
    ['kid a prototype name', forge({ ...HEADER, kid: '__proto__' }, CLAIMS)],
    ['a jku', forge({ ...HEADER, jku: 'https://attacker.example/keys' }, CLAIMS)],
    ['a jwk', forge({ ...HEADER, jwk: { kty: 'oct', k: 'AA' } }, CLAIMS)],
    ['an x5u', forge({ ...HEADER, x5u: 'https://attacker.example/cert' }, CLAIMS)],
    ['crit', forge({ ...HEADER, crit: ['exp'] }, CLAIMS)],
    ['an empty crit', forge({ ...HEADER, crit: [] }, CLAIMS)],
    ['b64 false', forge({ ...HEADER, b64: false, crit: ['b64'] }, CLAIMS)],
    ['typ JWT', forge({ ...HEADER, typ: 'JWT' }, CLAIMS)],
    ['no typ', forge({ alg: 'HS256', kid: HEADER.kid }, CLAIMS)],
    ['a header that is a list', forge([HEADER], CLAIMS)],
    ['a header that is null', forge('null', CLAIMS)],
    ['a header that is no JSON', forge('{alg:HS256}', CLAIMS)],
    [
      'the algorithm in __proto__',
      forge('{"__proto__":{"alg":"HS256"},"typ":"at+jwt","kid":"' + HEADER.kid + '"}', CLAIMS),
    ],
    ['claims that are no JSON', forge(HEADER, 'hello')],
    ['claims that are a list', forge(HEADER, [CLAIMS])],
    ['claims that are a number', forge(HEADER, '1')],
    ['another issuer', forge(HEADER, { ...CLAIMS, iss: 'bazaar' })],
    ['no issuer', forge(HEADER, without('iss'))],
    ['another audience', forge(HEADER, { ...CLAIMS, aud: 'other-api' })],
    ['no audience', forge(HEADER, without('aud'))],
    ['several audiences', forge(HEADER, { ...CLAIMS, aud: ['souk-api', 'other-api'] })],
    ['use as a refresh token', forge(HEADER, { ...CLAIMS, token_use: 'refresh' })],
    ['no use', forge(HEADER, without('token_use'))],
    ['no subject', forge(HEADER, without('sub'))],
    ['an API key as subject', forge(HEADER, { ...CLAIMS, sub: newId('apiKey') })],
    ['a subject that is a number', forge(HEADER, { ...CLAIMS, sub: 1 })],
    ['no session', forge(HEADER, without('sid'))],
    ['a user as session', forge(HEADER, { ...CLAIMS, sid: userId })],
    ['no id', forge(HEADER, without('jti'))],
    ['an empty id', forge(HEADER, { ...CLAIMS, jti: '' })],
    ['no end', forge(HEADER, without('exp'))],
    ['no beginning', forge(HEADER, without('iat'))],
    ['an end that is text', forge(HEADER, { ...CLAIMS, exp: String(CLAIMS.exp) })],
    ['an end that is a fraction', forge(HEADER, { ...CLAIMS, exp: CLAIMS.exp - 0.5 })],
    ['an end before it begins', forge(HEADER, { ...CLAIMS, iat: NOW_SECONDS + 5, exp: NOW_SECONDS })],
    ['an end in the year 275760', forge(HEADER, { ...CLAIMS, exp: 8_640_000_000_000 })],
    [
      'an end beyond what a number holds',
      forge(HEADER, JSON.stringify(CLAIMS).replace(/"exp":\d+/, '"exp":1e400')),
    ],
    ['a negative end', forge(HEADER, { ...CLAIMS, exp: -1 })],
    ['a life of a day', forge(HEADER, { ...CLAIMS, exp: NOW_SECONDS + 86_400 })],
    [
      'a beginning in the future',
      forge(HEADER, { ...CLAIMS, iat: NOW_SECONDS + 60, exp: NOW_SECONDS + 120 }),
    ],
    ['a negative beginning', forge(HEADER, { ...CLAIMS, iat: -1 })],
    ['a time before which it does not count', forge(HEADER, { ...CLAIMS, nbf: NOW_SECONDS })],
    ['10,000 characters', forge(HEADER, { ...CLAIMS, padding: 'x'.repeat(10_000) })],
  ];

  it.each(cases)('%s', (_name, token) => {
    expect(verify(token)).toBeNull();
  });

  it('and all of those differ from the good one', () => {
    const tokens = cases.map(([, token]) => token);
    expect(tokens).not.toContain(issued.accessToken);
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});
