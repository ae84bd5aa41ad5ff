/** What is remembered of versions and rights to run them never outlives a change: here at once, elsewhere soon. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ApiKeyActor } from '../../../src/domain/access/index.js';
import type { PredictionsService } from '../../../src/domain/predictions/index.js';
import { Database, type SqlQuery, type Transactions } from '../../../src/database/index.js';
import { createLogger } from '../../../src/lib/logger.js';
import {
  commandFor,
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
  type SeededModel,
} from '../../support/predictions-room.js';
import { until } from '../../support/until.js';

let room: PredictionsRoom;
let elsewhere: Database;
let owner: string;
let key: ApiKeyActor;
let model: SeededModel;

beforeAll(async () => {
  room = await openPredictionsRoom();
  elsewhere = new Database({ url: room.db.url, logger: createLogger('error'), maxConnections: 2 });
  await elsewhere.start();
});
afterAll(async () => {
  await elsewhere.stop();
  await room.stop();
});
beforeEach(async () => {
  owner = await room.tenant(null);
  const consumer = await room.tenant(null);
  key = await room.key(consumer, null);
  model = await room.model(owner);
  await room.grant(model, owner, consumer, ['PREDICT']);
});

/** The number of the version that ran, or the refusal's code. */
async function answer(service: PredictionsService = room.predictions): Promise<number | string | undefined> {
  const result = await service.predict(inNewRequest(key), commandFor(model), NEVER);
  return result.ok ? result.value.receipt.versionNumber : result.error[0]?.code;
}

function asOwner(text: string, parameters: readonly unknown[]): Promise<unknown> {
  return room.db.database.sql({ tenantId: owner }, (query) => query(text, parameters));
}

const REVOKE = 'UPDATE grants SET revoked_at = now() WHERE model_id = $1';

it('the version and the rights are read once for many predictions', async () => {
  let readings = 0;
  const { database } = room.db;
  const single: Transactions['single'] = (context): SqlQuery => {
    const query = database.single(context);
    return (text, parameters) => {
      readings++;
      return query(text, parameters);
    };
  };
  const counted = room.anotherProcess({
    clock: { now: () => room.clock.now(), monotonicMs: () => 0 },
    database: {
      transaction: (context, work) => database.transaction(context, work),
      sql: (context, work) => database.sql(context, work),
      single,
      accessEpoch: () => 0,
    },
  });
  expect(await Promise.all(Array.from({ length: 10 }, () => answer(counted)))).toEqual(Array(10).fill(1));
  expect(await answer(counted)).toBe(1);
  expect(readings).toBe(1);
});

it('a revoked grant stops the next prediction', async () => {
  expect(await answer()).toBe(1);
  await asOwner(REVOKE, [model.modelId]);
  expect(await answer()).toBe('NOT_FOUND');
});

it('a grant that ends by itself stops the next prediction', async () => {
  const endsAt = new Date(Math.max(Date.now(), room.clock.now().getTime()) + 60_000);
  await asOwner('UPDATE grants SET expires_at = $2 WHERE model_id = $1', [model.modelId, endsAt]);
  expect(await answer()).toBe(1);
  // The database's clock decides; that its answer is asked for again is decided by ours.
  await room.db.asOwner('ALTER TABLE grants DISABLE TRIGGER announce');
  await room.db.asOwner('UPDATE grants SET expires_at = now() WHERE model_id = $1', [model.modelId]);
  await room.db.asOwner('ALTER TABLE grants ENABLE TRIGGER announce');
  room.clock.advance(endsAt.getTime() - room.clock.now().getTime());
  expect(await answer()).toBe('NOT_FOUND');
});

it('what is made private stops for others, and a model that goes on to a new version runs that', async () => {
  await asOwner(REVOKE, [model.modelId]);
  await asOwner(`UPDATE models SET visibility = 'PUBLIC' WHERE id = $1`, [model.modelId]);
  expect(await answer()).toBe(1);
  await asOwner(
    `INSERT INTO versions (id, tenant_id, model_id, number, format, digest, bytes, pack_digest, pack_bytes, signature,
       runtime, trials, parameter_count, weight_bytes, operations)
     SELECT id || 'x', tenant_id, model_id, 2, format, digest, bytes, pack_digest, pack_bytes, signature,
       runtime, trials, parameter_count, weight_bytes, operations FROM versions WHERE model_id = $1`,
    [model.modelId],
  );
  await asOwner('UPDATE models SET last_version_number = 2 WHERE id = $1', [model.modelId]);
  expect(await answer()).toBe(2);
  await asOwner(`UPDATE models SET visibility = 'PRIVATE' WHERE id = $1`, [model.modelId]);
  expect(await answer()).toBe('NOT_FOUND');
});

it('another process stops within a second, with predictions all the time', async () => {
  const another = room.anotherProcess({ database: elsewhere });
  expect(await answer(another)).toBe(1);
  await asOwner(REVOKE, [model.modelId]);
  await until(async () => (await answer(another)) === 'NOT_FOUND', { timeoutMs: 1_000 });
});
