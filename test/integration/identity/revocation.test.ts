/** What is remembered of credentials never outlives their revocation: here at once, elsewhere within a second. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database, type SqlQuery, type Transactions } from '../../../src/database/index.js';
import { createLogger } from '../../../src/lib/logger.js';
import {
  codeOf,
  createIdentityRooms,
  createMovableClock,
  openIdentityRooms,
  type OpenIdentityRooms,
  valueOf,
} from '../../support/identity-rooms.js';
import { until } from '../../support/until.js';

let rooms: OpenIdentityRooms;
let anotherDatabase: Database;

beforeAll(async () => {
  rooms = await openIdentityRooms();
  anotherDatabase = new Database({ url: rooms.db.url, logger: createLogger('error'), maxConnections: 2 });
  await anotherDatabase.start();
});
afterAll(async () => {
  await anotherDatabase.stop();
  await rooms.stop();
});

type Rooms = ReturnType<typeof createIdentityRooms>;

async function codeFor(credential: string, where: Rooms = rooms): Promise<string | null> {
  const authorization = `Bearer ${credential}`;
  return codeOf(
    await where.identity.authenticate({ authorization, tenantHeader: null, requestId: 'req_test' }),
  );
}

/** The same database, counting what is read for requests; `delay` holds the answer of each such reading. */
function counting(delay: () => Promise<void> = () => Promise.resolve()) {
  const counted = { readings: 0 };
  const { database } = rooms.db;
  const single: Transactions['single'] = (context): SqlQuery => {
    const query = database.single(context);
    return async (text, parameters) => {
      counted.readings++;
      const rows = await query<never>(text, parameters);
      await delay();
      return rows;
    };
  };
  const transactions: Transactions = {
    transaction: (context, work) => database.transaction(context, work),
    sql: (context, work) => database.sql(context, work),
    single,
    accessEpoch: () => database.accessEpoch(),
  };
  return { counted, transactions };
}

it('a credential in use is read once, also by many requests at once', async () => {
  const { counted, transactions } = counting();
  const clock = { ...createMovableClock(), monotonicMs: () => 0 };
  const counter = createIdentityRooms(transactions, { secrets: rooms.secrets, clock });
  const { actor, session } = await rooms.signUp();
  const { secret } = await rooms.key(actor, ['MODEL_READ']);
  for (const credential of [secret, session.accessToken]) {
    counted.readings = 0;
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeFor(credential, counter)));
    expect(await codeFor(credential, counter)).toBeNull();
    expect(codes.every((code) => code === null)).toBe(true);
    expect(counted.readings).toBe(1);
  }
  await counter.identity.drain();
});

it('each request is an actor of its own', async () => {
  const { actor } = await rooms.signUp();
  const { secret } = await rooms.key(actor, []);
  const ask = (requestId: string) =>
    rooms.identity.authenticate({ authorization: `Bearer ${secret}`, tenantHeader: null, requestId });
  const [one, two] = [valueOf(await ask('req_one')), valueOf(await ask('req_two'))];
  expect([one?.requestId, two?.requestId]).toEqual(['req_one', 'req_two']);
});

it('a revoked key and an ended session are refused from the reply on, with requests all the time', async () => {
  const { actor, session } = await rooms.signUp();
  const made = await rooms.key(actor, ['MODEL_READ']);
  let isOver = false;
  const flood = Promise.all(
    [made.secret, session.accessToken].map(async (credential) => {
      while (!isOver) {
        await codeFor(credential);
        await setImmediate();
      }
    }),
  );
  valueOf(await rooms.identity.revokeApiKey(actor, { apiKeyId: made.apiKey.id }));
  expect(await codeFor(made.secret)).toBe('INVALID_CREDENTIALS');
  valueOf(await rooms.identity.signOut(actor, { everywhere: true }));
  expect(await codeFor(session.accessToken)).toBe('INVALID_CREDENTIALS');
  isOver = true;
  await flood;
});

it('a key that is revoked while it is being read is refused to whoever asks after the reply', async () => {
  const { actor } = await rooms.signUp();
  const made = await rooms.key(actor, []);
  let release = () => undefined as void;
  let isHeld = false;
  const held = new Promise<void>((resolve) => (release = resolve));
  const slow = counting(() => {
    if (isHeld) return Promise.resolve();
    isHeld = true;
    return held;
  });
  const reader = createIdentityRooms(slow.transactions, { secrets: rooms.secrets });
  const before = codeFor(made.secret, reader);
  await until(() => isHeld);
  valueOf(await rooms.identity.revokeApiKey(actor, { apiKeyId: made.apiKey.id }));
  expect(await codeFor(made.secret, reader)).toBe('INVALID_CREDENTIALS');
  release();
  expect(await before).toBeNull();
  expect(await codeFor(made.secret, reader)).toBe('INVALID_CREDENTIALS');
  await reader.identity.drain();
});

it('another process refuses a revoked key within a second, with requests all the time', async () => {
  const elsewhere = createIdentityRooms(anotherDatabase, { secrets: rooms.secrets });
  const { actor } = await rooms.signUp();
  const made = await rooms.key(actor, []);
  expect(await codeFor(made.secret, elsewhere)).toBeNull();
  valueOf(await rooms.identity.revokeApiKey(actor, { apiKeyId: made.apiKey.id }));
  await until(async () => (await codeFor(made.secret, elsewhere)) === 'INVALID_CREDENTIALS', {
    timeoutMs: 1_000,
  });
  await elsewhere.identity.drain();
});

it('another process that hears nothing refuses it when a second has passed', async () => {
  const clock = createMovableClock();
  const deaf: Transactions = {
    transaction: (context, work) => anotherDatabase.transaction(context, work),
    sql: (context, work) => anotherDatabase.sql(context, work),
    single: (context) => anotherDatabase.single(context),
    accessEpoch: () => 0,
  };
  const elsewhere = createIdentityRooms(deaf, { secrets: rooms.secrets, clock });
  const { actor } = await rooms.signUp();
  const made = await rooms.key(actor, []);
  expect(await codeFor(made.secret, elsewhere)).toBeNull();
  valueOf(await rooms.identity.revokeApiKey(actor, { apiKeyId: made.apiKey.id }));
  clock.advance(1_000);
  expect(await codeFor(made.secret, elsewhere)).toBe('INVALID_CREDENTIALS');
  await elsewhere.identity.drain();
});

it('a new role counts from the reply on', async () => {
  const { actor } = await rooms.signUp();
  const member = await rooms.join(actor, 'DEVELOPER');
  const permitted = async () => {
    const now = await rooms.actorOf(member.session.accessToken);
    return now.permissions.has('MODEL_WRITE');
  };
  expect(await permitted()).toBe(true);
  valueOf(await rooms.tenants.changeMemberRole(actor, { membershipId: member.membershipId, role: 'VIEWER' }));
  expect(await permitted()).toBe(false);
});
