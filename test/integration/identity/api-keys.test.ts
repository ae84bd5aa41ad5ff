import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permissionsOf, PERMISSIONS, type Permission } from '../../../src/domain/access/index.js';
import type { Transactions } from '../../../src/database/index.js';
import {
  codeOf,
  createIdentityRooms,
  createMovableClock,
  openIdentityRooms,
  type OpenIdentityRooms,
  refusalsOf,
  valueOf,
} from '../../support/identity-rooms.js';
import { until } from '../../support/until.js';

const HOUR_MS = 60 * 60 * 1000;
let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(async () => {
  await rooms.identity.drain();
  await rooms.stop();
});

function tryKey(
  secret: string,
  tenantHeader: string | null = null,
  using: Pick<OpenIdentityRooms, 'identity'> = rooms,
) {
  return using.identity.authenticate({
    authorization: `Bearer ${secret}`,
    tenantHeader,
    requestId: 'req_test',
  });
}

describe('an API key', () => {
  it('is shown once, stored as a keyed hash, and acts for its tenant with its scopes', async () => {
    const { actor, tenant } = await rooms.signUp();
    const expiresAt = new Date(Date.now() + HOUR_MS);
    const { apiKey, secret } = valueOf(
      await rooms.identity.createApiKey(actor, {
        name: ' CI ',
        scopes: ['PREDICTION_RUN', 'MODEL_READ', 'MODEL_READ'],
        expiresAt,
        predictionsPerMonth: 100,
      }),
    );
    expect(secret).toMatch(/^souk_live_[0-9A-Za-z]{36}$/);
    expect(apiKey).toMatchObject({
      name: 'CI',
      scopes: ['MODEL_READ', 'PREDICTION_RUN'],
      prefix: secret.slice(0, 14),
      lastFour: secret.slice(-4),
      predictionsPerMonth: 100,
      expiresAt,
      createdBy: actor.userId,
    });
    expect(JSON.stringify(apiKey)).not.toContain(secret);
    const [row] = await rooms.db.asOwner<{ text: string }>(
      'SELECT k::text AS text FROM api_keys k WHERE id = $1',
      [apiKey.id],
    );
    expect(row?.text).not.toContain(secret.slice(14, -4));
    for (const header of [null, tenant.slug, tenant.id]) {
      expect(valueOf(await tryKey(secret, header))).toEqual({
        kind: 'apiKey',
        apiKeyId: apiKey.id,
        tenantId: tenant.id,
        permissions: new Set(['MODEL_READ', 'PREDICTION_RUN']),
        requestId: 'req_test',
      });
    }
    const events = valueOf(await rooms.audit.auditLog(actor, { subjectId: apiKey.id })).items;
    expect(events).toMatchObject([{ action: 'createApiKey' }]);
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  it('is refused with the reply to its revocation, which may be repeated', async () => {
    const { actor } = await rooms.signUp();
    const { apiKey, secret } = await rooms.key(actor, ['MODEL_READ']);
    const revoke = () => rooms.identity.revokeApiKey(actor, { apiKeyId: apiKey.id });
    const first = valueOf(await revoke());
    expect(first.revokedAt).not.toBeNull();
    expect(codeOf(await tryKey(secret))).toBe('INVALID_CREDENTIALS');
    expect(valueOf(await revoke()).revokedAt).toEqual(first.revokedAt);
    const events = valueOf(await rooms.audit.auditLog(actor, { subjectId: apiKey.id })).items;
    expect(events.map(({ action }) => action)).toEqual(['revokeApiKey', 'createApiKey']);
  });

  it('expires', async () => {
    const clock = createMovableClock();
    const later = createIdentityRooms(rooms.db.database, { clock });
    const { actor } = await later.signUp();
    const expiresAt = new Date(clock.now().getTime() + HOUR_MS);
    const { secret } = valueOf(
      await later.identity.createApiKey(actor, { name: 'x', scopes: [], expiresAt }),
    );
    clock.advance(HOUR_MS - 5000);
    expect(codeOf(await tryKey(secret, null, later))).toBeNull();
    clock.advance(5001);
    expect(codeOf(await tryKey(secret, null, later))).toBe('INVALID_CREDENTIALS');
    await later.identity.drain();
  });

  it('with any one character changed is refused without asking the database', async () => {
    let transactions = 0;
    const clock = createMovableClock();
    const sql: Transactions['sql'] = (context, work) => {
      transactions++;
      return rooms.db.database.sql(context, work);
    };
    const single: Transactions['single'] = (context) => {
      transactions++;
      return rooms.db.database.single(context);
    };
    const accessEpoch = () => rooms.db.database.accessEpoch();
    const counted = createIdentityRooms(
      {
        transaction: (context, work) => rooms.db.database.transaction(context, work),
        sql,
        single,
        accessEpoch,
      },
      { secrets: rooms.secrets, clock },
    );
    const { actor } = await rooms.signUp();
    const { secret } = await rooms.key(actor, []);
    // Making the key used it; that note is written, and two minutes old, so that the next use notes itself.
    await rooms.identity.drain();
    clock.advance(120_000);
    for (let i = 0; i < secret.length; i++) {
      const changed = secret.slice(0, i) + (secret[i] === 'x' ? 'y' : 'x') + secret.slice(i + 1);
      expect(codeOf(await tryKey(changed, null, counted))).toBe('INVALID_CREDENTIALS');
    }
    const swapped = secret.replace(/[a-zA-Z](?=[^a-zA-Z]*$)/, (c) =>
      c < 'a' ? c.toLowerCase() : c.toUpperCase(),
    );
    for (const text of [
      secret.slice(0, -1),
      `${secret}0`,
      swapped,
      "souk_live_' OR pg_sleep(8)--",
      'souk_',
    ]) {
      expect(codeOf(await tryKey(text, null, counted))).toBe('INVALID_CREDENTIALS');
    }
    expect(transactions).toBe(0);
    expect(codeOf(await tryKey(secret, null, counted))).toBeNull();
    await counted.identity.drain();
    // Itself, and the note of its use.
    expect(transactions).toBe(2);
  });

  it('of another server is refused', async () => {
    const elsewhere = createIdentityRooms(rooms.db.database);
    const { actor } = await rooms.signUp();
    const { secret } = await rooms.key(actor, []);
    expect(codeOf(await tryKey(secret, null, elsewhere))).toBe('INVALID_CREDENTIALS');
  });

  it('notes its last use once a minute, beside the request', async () => {
    const clock = createMovableClock();
    const later = createIdentityRooms(rooms.db.database, { clock });
    const { actor } = await later.signUp();
    const { apiKey, secret } = valueOf(await later.identity.createApiKey(actor, { name: 'x', scopes: [] }));
    const lastUse = async () =>
      (await later.identity.getApiKeysByIds(actor, [apiKey.id]))[0]?.lastUsedAt ?? null;
    expect(await lastUse()).toBeNull();
    await tryKey(secret, null, later);
    await later.identity.drain();
    const first = await lastUse();
    expect(first).not.toBeNull();
    clock.advance(50_000);
    await tryKey(secret, null, later);
    await later.identity.drain();
    expect(await lastUse()).toEqual(first);
    clock.advance(11_000);
    await tryKey(secret, null, later);
    await later.identity.drain();
    expect((await lastUse())?.getTime()).toBeGreaterThan(first?.getTime() ?? Infinity);
  });

  it('works when its last use cannot be noted, which is counted', async () => {
    const faulty = createIdentityRooms(
      {
        transaction: (context, work) => rooms.db.database.transaction(context, work),
        single: (context) => rooms.db.database.single(context),
        accessEpoch: () => rooms.db.database.accessEpoch(),
        sql: () => Promise.reject(new Error('the database is away')),
      },
      { secrets: rooms.secrets },
    );
    const { actor } = await rooms.signUp();
    const made = valueOf(await rooms.identity.createApiKey(actor, { name: 'x', scopes: [] }));
    expect(codeOf(await tryKey(made.secret, null, faulty))).toBeNull();
    await until(() => faulty.identity.lastUseFailures() === 1);
  });
});

describe('the scopes of a key', () => {
  it('are among what its creator may do, for every role and permission', async () => {
    const { actor: owner } = await rooms.signUp();
    const admin = (await rooms.join(owner, 'ADMIN')).actor;
    const developer = (await rooms.join(owner, 'DEVELOPER')).actor;
    for (const creator of [owner, admin, developer]) {
      const held = permissionsOf(creator.role ?? 'VIEWER', false);
      for (const scope of PERMISSIONS) {
        const made = await rooms.identity.createApiKey(creator, { name: 'x', scopes: [scope] });
        expect([scope, codeOf(made)]).toEqual([scope, held.has(scope) ? null : 'PERMISSION_DENIED']);
      }
    }
    const viewer = (await rooms.join(owner, 'VIEWER')).actor;
    expect(codeOf(await rooms.identity.createApiKey(viewer, { name: 'x', scopes: [] }))).toBe(
      'PERMISSION_DENIED',
    );
  });

  it('are never wider than those of the key that made it, nor does it live longer', async () => {
    const { actor } = await rooms.signUp();
    const scopes: Permission[] = ['API_KEY_MANAGE', 'MODEL_READ'];
    const expiresAt = new Date(Date.now() + HOUR_MS);
    const parent = valueOf(await rooms.identity.createApiKey(actor, { name: 'parent', scopes, expiresAt }));
    const key = (await rooms.actorOf(parent.secret)) as typeof actor;
    const mint = (wanted: Permission[], until?: Date) =>
      rooms.identity.createApiKey(key, { name: 'child', scopes: wanted, expiresAt: until });
    expect(codeOf(await mint(['PREDICTION_RUN']))).toBe('PERMISSION_DENIED');
    expect(refusalsOf(await mint(['MODEL_READ'], new Date(Date.now() + 2 * HOUR_MS)))).toEqual([
      ['INVALID_INPUT', 'expiresAt'],
    ]);
    const child = valueOf(await mint(['MODEL_READ'])).apiKey;
    expect(child).toMatchObject({ expiresAt, createdBy: actor.userId });
    valueOf(await rooms.identity.revokeApiKey(actor, { apiKeyId: parent.apiKey.id }));
    expect(codeOf(await mint(['MODEL_READ']))).toBe('PERMISSION_DENIED');
  });

  it('do not let a key with a budget multiply it', async () => {
    const { actor } = await rooms.signUp();
    const { secret } = valueOf(
      await rooms.identity.createApiKey(actor, {
        name: 'x',
        scopes: ['API_KEY_MANAGE', 'PREDICTION_RUN'],
        predictionsPerMonth: 5,
      }),
    );
    const key = (await rooms.actorOf(secret)) as typeof actor;
    expect(codeOf(await rooms.identity.createApiKey(key, { name: 'y', scopes: ['PREDICTION_RUN'] }))).toBe(
      'PERMISSION_DENIED',
    );
  });

  it('are checked against the role that the creator has now', async () => {
    const { actor: owner } = await rooms.signUp();
    const admin = await rooms.join(owner, 'ADMIN');
    const { membershipId } = admin;
    valueOf(await rooms.tenants.changeMemberRole(owner, { membershipId, role: 'DEVELOPER' }));
    // The request began before the demotion: its actor still says ADMIN.
    expect(
      codeOf(await rooms.identity.createApiKey(admin.actor, { name: 'x', scopes: ['AUDIT_READ'] })),
    ).toBe('PERMISSION_DENIED');
  });

  it('and limits are checked', async () => {
    const { actor } = await rooms.signUp();
    const create = (change: object) =>
      rooms.identity.createApiKey(actor, { name: 'x', scopes: [], ...change });
    expect(refusalsOf(await create({ name: ' ' }))).toEqual([['INVALID_INPUT', 'name']]);
    expect(refusalsOf(await create({ expiresAt: new Date() }))).toEqual([['INVALID_INPUT', 'expiresAt']]);
    expect(refusalsOf(await create({ expiresAt: new Date(NaN) }))).toEqual([['INVALID_INPUT', 'expiresAt']]);
    for (const predictionsPerMonth of [-1, 1.5, NaN]) {
      expect(refusalsOf(await create({ predictionsPerMonth }))).toEqual([
        ['INVALID_INPUT', 'predictionsPerMonth'],
      ]);
    }
    expect(codeOf(await create({ predictionsPerMonth: 0 }))).toBeNull();
  });
});

describe('the keys of a tenant', () => {
  it('are revoked by their makers, and all of them by administrators', async () => {
    const { actor: owner } = await rooms.signUp();
    const developer = (await rooms.join(owner, 'DEVELOPER')).actor;
    const ownersKey = await rooms.key(owner, ['API_KEY_MANAGE']);
    const developersKey = await rooms.key(developer, ['API_KEY_MANAGE']);
    const second = await rooms.key(developer, []);
    const revoke = (actor: typeof owner, apiKeyId: string) =>
      rooms.identity.revokeApiKey(actor, { apiKeyId });
    expect(codeOf(await revoke(developer, ownersKey.apiKey.id))).toBe('PERMISSION_DENIED');
    expect(codeOf(await revoke(developersKey.actor as typeof owner, ownersKey.apiKey.id))).toBe(
      'PERMISSION_DENIED',
    );
    expect(codeOf(await revoke(developersKey.actor as typeof owner, second.apiKey.id))).toBeNull();
    expect(codeOf(await revoke(developersKey.actor as typeof owner, developersKey.apiKey.id))).toBeNull();
    expect(codeOf(await revoke(owner, second.apiKey.id))).toBeNull();
  });

  it('outlive the membership of their maker', async () => {
    const { actor: owner } = await rooms.signUp();
    const developer = await rooms.join(owner, 'DEVELOPER');
    const { secret } = await rooms.key(developer.actor, ['MODEL_READ']);
    valueOf(await rooms.tenants.removeMember(owner, { membershipId: developer.membershipId }));
    expect(codeOf(await tryKey(secret))).toBeNull();
  });

  it('do not exist for others, and only with API_KEY_READ for its own members', async () => {
    const one = await rooms.signUp();
    const two = await rooms.signUp();
    const viewer = (await rooms.join(one.actor, 'VIEWER')).actor;
    const { apiKey, actor: key } = await rooms.key(one.actor, []);
    expect(codeOf(await rooms.identity.revokeApiKey(two.actor, { apiKeyId: apiKey.id }))).toBe('NOT_FOUND');
    expect(codeOf(await rooms.identity.revokeApiKey(two.actor, { apiKeyId: 'rubbish' }))).toBe('NOT_FOUND');
    expect(await rooms.identity.getApiKeysByIds(two.actor, [apiKey.id])).toEqual([null]);
    expect(await rooms.identity.getApiKeysByIds(viewer, [apiKey.id])).toEqual([null]);
    expect(await rooms.identity.getApiKeysByIds(key, [apiKey.id])).toMatchObject([{ id: apiKey.id }]);
    expect(valueOf(await rooms.identity.apiKeys(two.actor, one.tenant.id, {}))).toBeNull();
    expect(valueOf(await rooms.identity.apiKeys(viewer, one.tenant.id, {}))).toBeNull();
    expect(valueOf(await rooms.identity.apiKeys(one.actor, one.tenant.id, {}))?.items).toHaveLength(1);
    expect(codeOf(await rooms.identity.revokeApiKey(viewer, { apiKeyId: apiKey.id }))).toBe(
      'PERMISSION_DENIED',
    );
  });
});
