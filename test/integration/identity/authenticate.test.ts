import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transactions } from '../../../src/database/index.js';
import {
  CALLER,
  codeOf,
  createIdentityRooms,
  openIdentityRooms,
  type OpenIdentityRooms,
  PASSWORD,
  suffix,
  valueOf,
} from '../../support/identity-rooms.js';
import { createTestDatabase } from '../../support/postgres.js';

let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(() => rooms.stop());

function authenticate(authorization: string | null, tenantHeader: string | null = null) {
  return rooms.identity.authenticate({ authorization, tenantHeader, requestId: 'req_test' });
}

it('a request without a credential is nobody, whatever tenant it names', async () => {
  expect(valueOf(await authenticate(null))).toBeNull();
  const { tenant } = await rooms.signUp();
  expect(valueOf(await authenticate(null, tenant.slug))).toBeNull();
});

it('a malformed header is refused, not taken for nobody', async () => {
  const { session } = await rooms.signUp();
  const headers = ['', 'Bearer', 'Bearer ', `Basic ${session.accessToken}`, session.accessToken];
  headers.push(
    `Bearer ${session.accessToken} x`,
    `Bearer ${'x'.repeat(10_000)}`,
    'Bearer \u0000',
    'Bearer a.b.c',
  );
  for (const header of headers) expect(codeOf(await authenticate(header))).toBe('INVALID_CREDENTIALS');
  expect(codeOf(await authenticate(`bearer  ${session.accessToken}`))).toBeNull();
});

it('a user acts for the named tenant, by slug or id, or else for the oldest', async () => {
  const { actor, session, tenant } = await rooms.signUp();
  const second = valueOf(await rooms.tenants.createTenant(actor, { slug: `second-${suffix()}` }));
  const header = `Bearer ${session.accessToken}`;
  expect(valueOf(await authenticate(header))).toMatchObject({ tenantId: tenant.id, role: 'OWNER' });
  expect(valueOf(await authenticate(header, second.slug))).toMatchObject({ tenantId: second.id });
  expect(valueOf(await authenticate(header, second.id))).toMatchObject({ tenantId: second.id });
});

it('a tenant of others and a tenant that does not exist look the same', async () => {
  const one = await rooms.signUp();
  const two = await rooms.signUp();
  const header = `Bearer ${one.session.accessToken}`;
  const theirs = await authenticate(header, two.tenant.slug);
  expect(codeOf(theirs)).toBe('INVALID_CREDENTIALS');
  for (const name of [two.tenant.id, 'no-such-tenant', '', "' OR true --", 'x'.repeat(1000)]) {
    expect(await authenticate(header, name)).toEqual(theirs);
  }
  const key = await rooms.key(one.actor, []);
  expect(await authenticate(`Bearer ${key.secret}`, two.tenant.slug)).toEqual(theirs);
  await rooms.identity.drain();
});

it('authenticating costs one transaction of one statement', async () => {
  let statements = 0;
  let transactions = 0;
  const transaction: Transactions['transaction'] = (context, work) => {
    transactions++;
    return rooms.db.database.transaction(context, work);
  };
  const sql: Transactions['sql'] = (context, work) => {
    transactions++;
    return rooms.db.database.sql(context, (query) =>
      work((text, parameters) => {
        statements++;
        return query(text, parameters);
      }),
    );
  };
  const single: Transactions['single'] = (context) => {
    const query = rooms.db.database.single(context);
    return (text, parameters) => {
      transactions++;
      statements++;
      return query(text, parameters);
    };
  };
  const accessEpoch = () => rooms.db.database.accessEpoch();
  const counted = createIdentityRooms({ transaction, sql, single, accessEpoch }, { secrets: rooms.secrets });
  const { session, tenant } = await rooms.signUp();
  const found = await counted.identity.authenticate({
    authorization: `Bearer ${session.accessToken}`,
    tenantHeader: tenant.slug,
    requestId: 'req_test',
  });
  expect(codeOf(found)).toBeNull();
  expect([transactions, statements]).toEqual([1, 1]);
});

it('a valid token for a session that does not exist is refused', async () => {
  const { session } = await rooms.signUp();
  await rooms.db.asOwner('DELETE FROM refresh_tokens WHERE session_id = $1', [session.sessionId]);
  await rooms.db.asOwner('DELETE FROM sessions WHERE id = $1', [session.sessionId]);
  expect(codeOf(await authenticate(`Bearer ${session.accessToken}`))).toBe('INVALID_CREDENTIALS');
});

it('users see themselves, and with TENANT_READ their co-members', async () => {
  const one = await rooms.signUp();
  const two = await rooms.signUp();
  const viewer = await rooms.join(one.actor, 'VIEWER');
  const ids = [one.user.id, two.user.id, viewer.user.id, 'usr_nothing'];
  const names = async (actor: typeof one.actor) =>
    (await rooms.identity.getUsersByIds(actor, ids)).map((user) => user?.email ?? null);
  expect(await names(viewer.actor)).toEqual([one.user.email, null, viewer.user.email, null]);
  expect(await names(two.actor)).toEqual([null, two.user.email, null, null]);
  const blind = await rooms.key(one.actor, ['MODEL_READ']);
  expect(await rooms.identity.getUsersByIds(blind.actor, ids)).toEqual([null, null, null, null]);
  await rooms.identity.drain();
});

describe('the first start', () => {
  const input = {
    email: 'owner@example.org',
    password: PASSWORD,
    name: 'Owner',
    tenantSlug: 'operator',
    tenantName: 'Operator',
    requestId: 'req_boot',
  };

  it('makes exactly one operator, however many processes start', async () => {
    const fresh = await createTestDatabase();
    try {
      const delivered: string[] = [];
      const starts = Array.from({ length: 4 }, (_, i) =>
        createIdentityRooms(fresh.database).identity.bootstrapOperatorAcrossTenants({
          ...input,
          email: i % 2 === 0 ? input.email : `owner${i}@example.org`,
          deliver: async ({ apiKey }) => void delivered.push(apiKey),
        }),
      );
      const results = (await Promise.all(starts)).map(valueOf);
      const winners = results.filter((result) => result !== null);
      expect(winners).toHaveLength(1);
      expect(delivered).toEqual([winners[0]?.credentials.apiKey]);
      expect(await fresh.asOwner('SELECT is_operator FROM tenants')).toEqual([{ is_operator: true }]);
      expect(await fresh.asOwner('SELECT id FROM users')).toHaveLength(1);
      const again = createIdentityRooms(fresh.database);
      expect(valueOf(await again.identity.bootstrapOperatorAcrossTenants(input))).toBeNull();
    } finally {
      await fresh.stop();
    }
  });

  it('leaves nothing behind when the credentials cannot be delivered, and then works', async () => {
    const fresh = await createTestDatabase();
    try {
      const start = createIdentityRooms(fresh.database);
      const deliver = () => Promise.reject(new Error('the disk is full'));
      await expect(start.identity.bootstrapOperatorAcrossTenants({ ...input, deliver })).rejects.toThrow(
        'disk',
      );
      expect(await fresh.asOwner('SELECT id FROM users')).toEqual([]);
      const made = valueOf(await start.identity.bootstrapOperatorAcrossTenants(input));
      const { session } = valueOf(
        await start.identity.signIn(CALLER, { email: input.email, password: PASSWORD }),
      );
      const owner = await start.actorOf(session.accessToken);
      expect(owner.permissions.has('PLATFORM_OPERATE')).toBe(true);
      const key = await start.actorOf(made?.credentials.apiKey ?? '');
      expect(key.permissions).toEqual(owner.permissions);
      // Power over others ends with its maker's.
      const { user } = await start.join(owner as never, 'OWNER');
      await fresh.asOwner(`UPDATE memberships SET role = 'VIEWER' WHERE user_id <> $1`, [user.id]);
      const demoted = await start.actorOf(made?.credentials.apiKey ?? '');
      expect(demoted.permissions.has('PLATFORM_OPERATE')).toBe(false);
      expect(demoted.permissions.has('MODEL_WRITE')).toBe(true);
      await start.identity.drain();
    } finally {
      await fresh.stop();
    }
  });

  it('says so when the slug or the address belongs to somebody else', async () => {
    const fresh = await createTestDatabase();
    try {
      const start = createIdentityRooms(fresh.database);
      const { user } = await start.signUp('operator');
      expect(codeOf(await start.identity.bootstrapOperatorAcrossTenants(input))).toBe('CONFLICT');
      const other = { ...input, email: user.email, tenantSlug: 'operator-2' };
      expect(codeOf(await start.identity.bootstrapOperatorAcrossTenants(other))).toBe('CONFLICT');
      const fine = { ...input, tenantSlug: 'operator-2' };
      expect(valueOf(await start.identity.bootstrapOperatorAcrossTenants(fine))).not.toBeNull();
    } finally {
      await fresh.stop();
    }
  });

  it('is the only way to be an operator', async () => {
    const { actor } = await rooms.signUp();
    expect(actor.permissions.has('PLATFORM_OPERATE')).toBe(false);
    const made = await rooms.identity.createApiKey(actor, { name: 'x', scopes: ['PLATFORM_OPERATE'] });
    expect(codeOf(made)).toBe('PERMISSION_DENIED');
  });
});
