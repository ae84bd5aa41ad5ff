import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionTokens } from '../../../src/domain/identity/index.js';
import {
  CALLER,
  codeOf,
  createIdentityRooms,
  createMovableClock,
  openIdentityRooms,
  type OpenIdentityRooms,
  PASSWORD,
  refusalsOf,
  suffix,
  valueOf,
} from '../../support/identity-rooms.js';

const DAY_MS = 24 * 60 * 60 * 1000;
let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(() => rooms.stop());

const refresh = ({ refreshToken }: Pick<SessionTokens, 'refreshToken'>) =>
  rooms.identity.refreshSession(CALLER, { refreshToken });

function tryAccess(accessToken: string) {
  return rooms.identity.authenticate({
    authorization: `Bearer ${accessToken}`,
    tenantHeader: null,
    requestId: 'req_test',
  });
}

describe('signing up', () => {
  it('makes user, tenant and session at once, and stores no secret', async () => {
    const { session, user, tenant, actor } = await rooms.signUp('ada-lovelace');
    expect(tenant).toMatchObject({ slug: 'ada-lovelace', name: 'ada-lovelace' });
    expect(actor).toMatchObject({ userId: user.id, tenantId: tenant.id, role: 'OWNER' });
    const rows = await rooms.db.asOwner<{ text: string }>(
      `SELECT p::text AS text FROM user_passwords p UNION ALL SELECT r::text FROM refresh_tokens r
       UNION ALL SELECT u::text FROM users u UNION ALL SELECT s::text FROM sessions s
       UNION ALL SELECT a::text FROM audit_events a`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(5);
    const dump = rows.map(({ text }) => text).join('\n');
    for (const secret of [PASSWORD, session.refreshToken, session.accessToken])
      expect(dump).not.toContain(secret);
    expect(dump).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
  });

  it('finds another slug for a namesake', async () => {
    const name = `grace-${suffix()}`;
    const make = (email: string) => rooms.identity.signUp(CALLER, { email, password: PASSWORD, name });
    const first = valueOf(await make(`${suffix()}@example.org`));
    const second = valueOf(await make(`${suffix()}@example.org`));
    expect(first.tenant.slug).toBe(name);
    expect(second.tenant.slug).toMatch(new RegExp(`^${name}-[0-9a-f]{6}$`));
  });

  it('refuses a taken address in any case, and a taken slug, and leaves nothing behind', async () => {
    const { user, tenant } = await rooms.signUp();
    const input = { email: user.email.toUpperCase(), password: PASSWORD, name: 'Other' };
    expect(refusalsOf(await rooms.identity.signUp(CALLER, input))).toEqual([['CONFLICT', 'email']]);
    const email = `${suffix()}@example.org`;
    const taken = await rooms.identity.signUp(CALLER, { ...input, email, tenantSlug: tenant.slug });
    expect(refusalsOf(taken)).toEqual([['CONFLICT', 'tenantSlug']]);
    expect(await rooms.db.asOwner('SELECT id FROM users WHERE email = $1', [email])).toEqual([]);
  });

  it('of five with the same address at once, one succeeds', async () => {
    const email = `${suffix()}@example.org`;
    const results = await Promise.all(
      Array.from({ length: 5 }, () =>
        rooms.identity.signUp(CALLER, { email, password: PASSWORD, name: 'Five' }),
      ),
    );
    expect(results.map(codeOf).sort()).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT', null]);
  });

  it('reports all mistakes at once', async () => {
    const result = await rooms.identity.signUp(CALLER, {
      email: 'nobody',
      password: 'short',
      name: '\n',
      tenantSlug: 'A',
      tenantName: '',
    });
    expect(refusalsOf(result)).toEqual(
      ['email', 'password', 'name', 'tenantSlug', 'tenantName'].map((path) => ['INVALID_INPUT', path]),
    );
    expect(JSON.stringify(result)).not.toContain('short');
  });

  it('needs an invitation where the server says so', async () => {
    const closed = createIdentityRooms(rooms.db.database, { signUpMode: 'invited', secrets: rooms.secrets });
    const { actor: owner } = await rooms.signUp();
    const email = `${suffix()}@example.org`;
    const input = { email, password: PASSWORD, name: 'Invited' };
    expect(refusalsOf(await closed.identity.signUp(CALLER, input))).toEqual([
      ['INVALID_INPUT', 'invitationToken'],
    ]);
    const { token } = valueOf(await rooms.tenants.inviteMember(owner, { email, role: 'VIEWER' }));
    const other = { ...input, email: `${suffix()}@example.org`, invitationToken: token };
    expect(codeOf(await closed.identity.signUp(CALLER, other))).toBe('INVALID_CREDENTIALS');
    const both = { ...input, invitationToken: token, tenantSlug: 'my-own' };
    expect(refusalsOf(await closed.identity.signUp(CALLER, both))).toEqual([['INVALID_INPUT', 'tenantSlug']]);
    const joined = valueOf(await closed.identity.signUp(CALLER, { ...input, invitationToken: token }));
    expect(joined.tenant.id).toBe(owner.tenantId);
  });
});

describe('signing in', () => {
  it('works with the password, in any case of the address, and is recorded', async () => {
    const { user, actor } = await rooms.signUp();
    const signedIn = valueOf(
      await rooms.identity.signIn(CALLER, { email: ` ${user.email.toUpperCase()} `, password: PASSWORD }),
    );
    expect(signedIn.user).toEqual(user);
    expect(codeOf(await tryAccess(signedIn.session.accessToken))).toBeNull();
    const events = valueOf(await rooms.audit.auditLog(actor, { subjectId: signedIn.session.sessionId }));
    expect(events.items).toMatchObject([{ action: 'signIn', userId: user.id }]);
  });

  it('answers alike for a wrong password and for an unknown address', async () => {
    const { user } = await rooms.signUp();
    const wrong = await rooms.identity.signIn(CALLER, { email: user.email, password: 'wrong password' });
    const unknown = await rooms.identity.signIn(CALLER, {
      email: `${suffix()}@example.org`,
      password: PASSWORD,
    });
    const malformed = await rooms.identity.signIn(CALLER, { email: "' OR 1=1 --", password: PASSWORD });
    expect(codeOf(wrong)).toBe('INVALID_CREDENTIALS');
    expect(unknown).toEqual(wrong);
    expect(malformed).toEqual(wrong);
  });

  it('is limited by address and by account, to the attempt, and successes do not count', async () => {
    const clock = createMovableClock();
    const held = { ...clock, monotonicMs: () => 1000 };
    const limited = createIdentityRooms(rooms.db.database, {
      clock: held,
      attemptLimits: {
        perEmail: { burst: 3, intervalMs: 10_000 },
        perAddress: { burst: 8, intervalMs: 1000 },
      },
    });
    const { user } = await limited.signUp();
    const attempt = (email: string, password: string, clientAddress = '192.0.2.9') =>
      limited.identity.signIn({ requestId: 'req_test', clientAddress }, { email, password });
    for (let i = 0; i < 5; i++) expect(codeOf(await attempt(user.email, PASSWORD))).toBeNull();
    for (let i = 0; i < 3; i++)
      expect(codeOf(await attempt(user.email, 'not this one'))).toBe('INVALID_CREDENTIALS');
    // Also with the right password, and from elsewhere: else the limit would tell a guesser something.
    const refused = await attempt(user.email, PASSWORD, '198.51.100.7');
    expect(refused).toMatchObject({ error: { code: 'RATE_LIMITED', retryAfterMs: 10_000 } });
    for (let i = 0; i < 5; i++) {
      expect(codeOf(await attempt(`${suffix()}@example.org`, PASSWORD))).toBe('INVALID_CREDENTIALS');
    }
    expect(await attempt(`${suffix()}@example.org`, PASSWORD)).toMatchObject({
      error: { code: 'RATE_LIMITED', retryAfterMs: 1000 },
    });
  });

  it('is refused at once when too many wait for their password to be checked', async () => {
    const narrow = createIdentityRooms(rooms.db.database, {
      passwordLimits: { concurrency: 1, maxWaiting: 1, maxWaitMs: 5000 },
    });
    const { user } = await narrow.signUp();
    const results = await Promise.all(
      Array.from({ length: 12 }, () =>
        narrow.identity.signIn(CALLER, { email: user.email, password: PASSWORD }),
      ),
    );
    const codes = results.map(codeOf);
    expect(codes.filter((code) => code === null).length).toBeGreaterThanOrEqual(2);
    expect(codes.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set([null, 'RATE_LIMITED']));
  });
});

describe('refreshing', () => {
  it('gives a new pair and uses the old one up', async () => {
    const { session } = await rooms.signUp();
    const next = valueOf(await refresh(session));
    expect(next.sessionId).toBe(session.sessionId);
    expect(next.refreshToken).not.toBe(session.refreshToken);
    expect(codeOf(await tryAccess(next.accessToken))).toBeNull();
    expect(codeOf(await refresh(next))).toBeNull();
  });

  it('ends the whole session when a used token comes back, and records it', async () => {
    const { session, actor, user } = await rooms.signUp();
    const { session: other } = valueOf(
      await rooms.identity.signIn(CALLER, { email: user.email, password: PASSWORD }),
    );
    const next = valueOf(await refresh(session));
    expect(codeOf(await refresh(session))).toBe('INVALID_CREDENTIALS');
    expect(codeOf(await refresh(next))).toBe('INVALID_CREDENTIALS');
    expect(codeOf(await tryAccess(next.accessToken))).toBe('INVALID_CREDENTIALS');
    expect(codeOf(await tryAccess(other.accessToken))).toBeNull();
    const events = valueOf(await rooms.audit.auditLog(actor, { subjectId: session.sessionId }));
    expect(events.items).toMatchObject([
      { action: 'refreshSession', details: { reuse: true, revoked: true } },
    ]);
  });

  it('of eight uses of one token at once, one wins, and the session ends', async () => {
    const { session } = await rooms.signUp();
    const results = await Promise.all(Array.from({ length: 8 }, () => refresh(session)));
    const winners = results.filter(({ ok }) => ok);
    expect(winners).toHaveLength(1);
    expect(codeOf(await refresh(valueOf(winners[0]!)))).toBe('INVALID_CREDENTIALS');
  });

  it('refuses what is no refresh token', async () => {
    const { session } = await rooms.signUp();
    for (const refreshToken of [
      '',
      session.accessToken,
      `${session.refreshToken}x`,
      'souk_refresh_',
      "'; --",
    ]) {
      expect(codeOf(await refresh({ refreshToken }))).toBe('INVALID_CREDENTIALS');
    }
    expect(codeOf(await tryAccess(session.refreshToken))).toBe('INVALID_CREDENTIALS');
  });

  it('ends after thirty unused days, and after ninety in any case', async () => {
    const clock = createMovableClock();
    const later = createIdentityRooms(rooms.db.database, { clock });
    const use = ({ refreshToken }: SessionTokens) => later.identity.refreshSession(CALLER, { refreshToken });
    const idle = await later.signUp();
    let busy = (await later.signUp()).session;
    clock.advance(29 * DAY_MS);
    busy = valueOf(await use(busy));
    clock.advance(2 * DAY_MS);
    expect(codeOf(await use(idle.session))).toBe('INVALID_CREDENTIALS');
    clock.advance(26 * DAY_MS);
    busy = valueOf(await use(busy));
    clock.advance(29 * DAY_MS);
    busy = valueOf(await use(busy));
    expect(busy.refreshTokenExpiresAt.getTime() - clock.now().getTime()).toBeLessThan(4.1 * DAY_MS);
    clock.advance(5 * DAY_MS);
    expect(codeOf(await use(busy))).toBe('INVALID_CREDENTIALS');
  });
});

describe('signing out', () => {
  it('ends this session with the reply', async () => {
    const { session, actor } = await rooms.signUp();
    const ended = valueOf(await rooms.identity.signOut(actor, {}));
    expect(ended.endedSessionIds).toEqual([session.sessionId]);
    expect(codeOf(await tryAccess(session.accessToken))).toBe('INVALID_CREDENTIALS');
    expect(codeOf(await refresh(session))).toBe('INVALID_CREDENTIALS');
    expect(valueOf(await rooms.identity.signOut(actor, {})).endedSessionIds).toEqual([]);
  });

  it('ends another session of oneself, or all, but none of somebody else', async () => {
    const one = await rooms.signUp();
    const two = await rooms.signUp();
    const signIn = async () =>
      valueOf(await rooms.identity.signIn(CALLER, { email: one.user.email, password: PASSWORD })).session;
    const second = await signIn();
    const third = await signIn();
    const byId = (sessionId: string) => rooms.identity.signOut(one.actor, { sessionId });
    expect(valueOf(await byId(second.sessionId)).endedSessionIds).toEqual([second.sessionId]);
    expect(codeOf(await byId(two.session.sessionId))).toBe('NOT_FOUND');
    expect(codeOf(await byId('rubbish'))).toBe('NOT_FOUND');
    const { endedSessionIds } = valueOf(await rooms.identity.signOut(one.actor, { everywhere: true }));
    expect([...endedSessionIds].sort()).toEqual([one.session.sessionId, third.sessionId].sort());
    expect(codeOf(await tryAccess(third.accessToken))).toBe('INVALID_CREDENTIALS');
    expect(codeOf(await tryAccess(two.session.accessToken))).toBeNull();
  });

  it('is nothing for an API key', async () => {
    const { actor } = await rooms.signUp();
    const key = await rooms.key(actor, []);
    expect(codeOf(await rooms.identity.signOut(key.actor, {}))).toBe('NOT_FOUND');
  });
});
