/** Callers who follow an alias: one version for each request, the new one from the reply to a move on, and a receipt of it. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ApiKeyActor, TenantActor } from '../../../src/domain/access/index.js';
import { createAliasesService, type AliasesService } from '../../../src/domain/aliases/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import { CALLERS, IN_STEPS } from '../../../src/domain/metering/alias-callers.js';
import type { PredictionsService, PredictTarget, Receipt } from '../../../src/domain/predictions/index.js';
import { Database, type SqlQuery, type Transactions } from '../../../src/database/index.js';
import { systemClock } from '../../../src/lib/clock.js';
import { createLogger } from '../../../src/lib/logger.js';
import { ok } from '../../../src/lib/result.js';
import { accepted } from '../../support/catalog-world.js';
import { userOf } from '../../support/metering-room.js';
import {
  commandFor,
  doubling,
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
  type SeededModel,
} from '../../support/predictions-room.js';
import { until } from '../../support/until.js';

let room: PredictionsRoom;
let elsewhere: Database;
let aliases: AliasesService;
let publisher: TenantActor;
let consumer: string;
let key: ApiKeyActor & TenantActor;
let model: SeededModel;
let ids: readonly [string, string, string];

beforeAll(async () => {
  room = await openPredictionsRoom();
  elsewhere = new Database({ url: room.db.url, logger: createLogger('error'), maxConnections: 2 });
  await elsewhere.start();
  const { database } = room.db;
  const audit = createAuditService({ database, clock: systemClock });
  aliases = createAliasesService({ database, clock: systemClock, audit });
});
afterAll(async () => {
  await elsewhere.stop();
  await room.stop();
});
beforeEach(async () => {
  room.useEngine(doubling);
  const owner = await room.tenant(null);
  publisher = userOf(owner);
  consumer = await room.tenant(null);
  key = await room.key(consumer, null);
  model = await room.model(owner, 'PRIVATE', 3);
  ids = model.versionIds as [string, string, string];
  await room.grant(model, owner, consumer, ['PREDICT']);
  await move(ids[0], null);
});

async function move(versionId: string, expectedVersionId: string | null): Promise<void> {
  const { modelId } = model;
  const input = { modelId, name: 'production', versionId, expectedVersionId, reason: 'x' };
  accepted(await aliases.setAlias(publisher, input));
}

async function run(
  target: PredictTarget = { model: `${model.name}@production` },
  service: PredictionsService = room.predictions,
  actor: TenantActor = key,
): Promise<Receipt | string> {
  const result = await service.predict(inNewRequest(actor), commandFor(model, { target }), NEVER);
  return result.ok ? result.value.receipt : result.error[0].code;
}

it('an alias is followed by name and by the model’s id, and the receipt says so; a pinned version is not', async () => {
  const { modelId, name } = model;
  const followed = { versionNumber: 1, versionId: ids[0], alias: 'production', model: name };
  expect(await run()).toMatchObject(followed);
  expect(await run({ alias: { modelId, name: 'production' } })).toMatchObject(followed);
  expect(await run({ model: `${name}:1` })).toMatchObject({ versionNumber: 1, alias: null });
  expect(await run({ versionId: ids[0] })).toMatchObject({ versionNumber: 1, alias: null });
  // `latest` is the newest, as without it.
  for (const target of [
    { model: name },
    { model: `${name}@latest` },
    { alias: { modelId, name: 'latest' } },
  ]) {
    expect(await run(target)).toMatchObject({ versionNumber: 3, alias: null });
  }
});

it('what is no alias of a model that the tenant sees is not found, in the same words', async () => {
  const { modelId, name } = model;
  const stranger = await room.key(await room.tenant(null), null);
  for (const target of [
    { model: `${name}@staging` },
    { model: `${name}@Production` },
    { model: `${name}@` },
    { model: `${name}:1@production` },
    { model: `${name}@production@production` },
    { model: `${name}@${'a'.repeat(61)}` },
    { alias: { modelId, name: "' OR 1=1" } },
    { alias: { modelId: '\0', name: 'production' } },
  ]) {
    expect(await run(target), JSON.stringify(target)).toBe('NOT_FOUND');
  }
  expect(await run(undefined, room.predictions, stranger)).toBe('NOT_FOUND');
});

it('a move counts from its reply on, here, and elsewhere when it is heard of', async () => {
  const other = room.anotherProcess({ database: elsewhere });
  expect(await run(undefined, other)).toMatchObject({ versionNumber: 1 });
  for (let i = 0; i < 5; i++) {
    const [from, to] = i % 2 === 0 ? [ids[0], ids[1]] : [ids[1], ids[0]];
    expect(await run()).toMatchObject({ versionId: from });
    await move(to, from);
    expect(await run()).toMatchObject({ versionId: to });
  }
  await until(async () => ((await run(undefined, other)) as Receipt).versionId === ids[1]);
  accepted(
    await aliases.deleteAlias(publisher, {
      modelId: model.modelId,
      name: 'production',
      expectedVersionId: ids[1],
      reason: 'x',
    }),
  );
  expect(await run()).toBe('NOT_FOUND');
  await move(ids[2], null);
  expect(await run()).toMatchObject({ versionNumber: 3 });
});

it('following an alias asks the database no more than a pinned version does', async () => {
  let readings = 0;
  const { database } = room.db;
  const single: Transactions['single'] = (context): SqlQuery => {
    const query = database.single(context);
    return (text, parameters) => {
      if (text.includes('FROM versions')) readings++;
      return query(text, parameters);
    };
  };
  const counted: Transactions = {
    single,
    transaction: (context, work) => database.transaction(context, work),
    sql: (context, work) => database.sql(context, work),
    accessEpoch: () => database.accessEpoch(),
  };
  const service = room.anotherProcess({ database: counted });
  for (let i = 0; i < 5; i++) expect(await run(undefined, service)).toMatchObject({ versionNumber: 1 });
  expect(readings).toBe(1);
  await move(ids[1], ids[0]);
  for (let i = 0; i < 5; i++) expect(await run(undefined, service)).toMatchObject({ versionNumber: 2 });
  expect(readings).toBe(2);
});

it('each request runs on exactly one version, however the alias moves meanwhile', async () => {
  // The worker is called like the artifact that it was given.
  room.useEngine(async (job) => {
    await new Promise((resolve) => setImmediate(resolve));
    const reply = await doubling(job);
    return reply.ok ? ok({ ...reply.value, worker: job.artifact.digest }) : reply;
  });
  let isMoving = true;
  const receipts: Receipt[] = [];
  const ask = async () => {
    while (isMoving) receipts.push((await run()) as Receipt);
  };
  const asking = [ask(), ask(), ask(), ask()];
  for (let i = 0; i < 6; i++) await move(ids[(i + 1) % 3] ?? '', ids[i % 3] ?? null);
  isMoving = false;
  await Promise.all(asking);
  expect(receipts.length).toBeGreaterThan(6);
  for (const receipt of receipts) {
    expect(receipt).toMatchObject({
      alias: 'production',
      worker: `pack-${receipt.versionId}`,
      sha256: `sha-${receipt.versionId}`,
      versionNumber: ids.indexOf(receipt.versionId) + 1,
    });
  }
});

it('the ledger keeps the alias: it is read back, and a retry gets the first answer after a move', async () => {
  const command = commandFor(model, {
    target: { model: `${model.name}@production` },
    idempotencyKey: 'once',
  });
  const first = accepted(await room.predictions.predict(inNewRequest(key), command, NEVER));
  await move(ids[1], ids[0]);
  const retry = accepted(await room.predictions.predict(inNewRequest(key), command, NEVER));
  expect(retry.receipt).toMatchObject({ replayed: true, alias: 'production', versionNumber: 1 });
  expect(accepted(await room.predictions.prediction(key, first.id))?.receipt.alias).toBe('production');
  const page = accepted(await room.predictions.predictions(key, {}));
  expect(page.items.map(({ receipt }) => receipt.alias)).toEqual(['production']);
});

const callers = async (actor = publisher, name = 'production', page = {}) =>
  accepted(await room.metering.aliasCallersAcrossTenants(actor, { modelId: model.modelId, name, ...page }));

it('the publisher reads who followed an alias in the last 30 days: tenants and keys, how often and when last', async () => {
  const others = [await room.tenant(null), await room.tenant(null)];
  const start = room.clock.now();
  for (const tenantId of others) await room.grant(model, publisher.tenantId, tenantId, ['PREDICT']);
  const [a, b] = others as [string, string];
  const keys = [await room.key(a, null), await room.key(a, null), await room.key(b, null)];
  // Long ago, another alias, and no alias: none of them counts.
  room.clock.advance(-31 * 86_400_000);
  await run(undefined, room.predictions, await room.key(b, null));
  room.clock.set(start);
  await run({ model: model.name }, room.predictions, await room.key(b, null));
  const spent: TenantActor[] = [...keys, ...keys, key, userOf(a), userOf(a)];
  for (const actor of spent) {
    room.clock.advance(1000);
    expect(await run(undefined, room.predictions, actor)).toMatchObject({ alias: 'production' });
  }
  const { page, totalCount } = await callers();
  const expected = [
    { tenantId: a, apiKeyId: null, predictions: 2 },
    { tenantId: consumer, apiKeyId: key.apiKeyId, predictions: 1 },
    { tenantId: b, apiKeyId: keys[2]?.apiKeyId, predictions: 2 },
    { tenantId: a, apiKeyId: keys[1]?.apiKeyId, predictions: 2 },
    { tenantId: a, apiKeyId: keys[0]?.apiKeyId, predictions: 2 },
  ];
  expect(page.items).toMatchObject(expected);
  expect(totalCount).toBe(5);
  expect(page.items[0]?.lastUsedAt).toEqual(room.clock.now());

  const found: unknown[] = [];
  let after: string | null = null;
  do {
    const part = await callers(publisher, 'production', { first: 2, after });
    expect(part.totalCount).toBe(5);
    found.push(...part.page.items);
    after = part.page.hasNextPage ? (part.page.cursors.at(-1) ?? null) : null;
  } while (after !== null);
  expect(found).toEqual(page.items);
});

it('nobody else reads that: neither another tenant, nor one of the callers, nor a key without MODEL_WRITE', async () => {
  expect(await run()).toMatchObject({ alias: 'production' });
  expect((await callers()).totalCount).toBe(1);
  for (const tenantId of [consumer, await room.tenant(null)]) {
    expect(await callers(userOf(tenantId))).toMatchObject({ page: { items: [] }, totalCount: 0 });
  }
  const input = { modelId: model.modelId, name: 'production' };
  const refused = await room.metering.aliasCallersAcrossTenants(
    userOf(publisher.tenantId, ['MODEL_READ']),
    input,
  );
  expect(refused).toMatchObject({ error: { code: 'PERMISSION_DENIED', permission: 'MODEL_WRITE' } });
  const forged = Buffer.from(JSON.stringify([1, 'alias-callers', 'x', 'ten_a', ''])).toString('base64url');
  expect(await room.metering.aliasCallersAcrossTenants(publisher, { ...input, after: forged })).toMatchObject(
    {
      error: { code: 'INVALID_INPUT' },
    },
  );
  // The second wall: the ledger opens to the owner only for who asks across tenants.
  const count = async (context: object) =>
    (
      await room.db.database.single(context)<{ n: number }>('SELECT count(*)::int AS n FROM usage_events', [])
    )[0]?.n;
  expect(await count({ tenantId: publisher.tenantId })).toBe(0);
  expect(await count({ tenantId: publisher.tenantId, acrossTenants: true })).toBe(1);
  expect(await count({ acrossTenants: true })).toBe(0);
});

it('who used an alias is read from its index, and counted there', async () => {
  const tenantId = await room.tenant(null);
  await room.db.asOwner(
    `INSERT INTO usage_events (id, tenant_id, api_key_id, request_id, owner_tenant_id, model_id, model_name, version_id,
       version_number, digest, alias, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms,
       compute_ms, compute_us, period_start, created_at)
     SELECT 'prd_' || $1 || i, $2, 'key_' || (i % 40), 'req', $3, $4, 'a/m', 'ver', 1, 'd',
       CASE WHEN i % 2 = 0 THEN 'production' END, 'tfjs-wasm', 'w', 1, 1, 1, 1, 4, 0, 0, 0, 0, 0,
       date_trunc('month', at, 'UTC'), at
     FROM (SELECT i, $5::timestamptz - i * interval '1 second' AS at FROM generate_series(1, 20000) i) events`,
    [model.modelId.slice(4, 12), tenantId, publisher.tenantId, model.modelId, room.clock.now()],
  );
  const { page, totalCount } = await callers();
  expect(totalCount).toBe(20);
  expect(page.items.map(({ predictions }) => predictions)).toEqual(Array.from({ length: 20 }, () => 500));
  const context = { tenantId: publisher.tenantId, acrossTenants: true };
  const since = new Date(room.clock.now().getTime() - 30 * 86_400_000);
  const parameters = [model.modelId, 'production', since, null, null, null, 21, publisher.tenantId];
  const plan = await room.db.database.sql(context, async (query) => {
    await query(IN_STEPS, []);
    return query<object>(`EXPLAIN ${CALLERS}`, parameters);
  });
  // Each partition has the index under a name of its own.
  const scans = JSON.stringify(plan).match(/\w+ (\w+ )?Scan( using \w+)? on usage_events/g);
  const inIndex =
    /^Index Only Scan using usage_events_(\w+)_model_id_alias_tenant_id_\w+_idx on usage_events/;
  expect(scans?.filter((scan) => !inIndex.test(scan))).toEqual([]);
  expect(scans?.some((scan) => !scan.includes('_default_'))).toBe(true);
  expect(JSON.stringify(plan)).not.toContain('Seq Scan on usage_events');
});
