/** Every committed write to what decides about access is heard: here before its reply, elsewhere soon after. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../../src/database/index.js';
import { createLogger } from '../../../src/lib/logger.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';

let db: TestDatabase;
let another: Database;
const context = { tenantId: 'ten_nobody', userId: 'usr_nobody' };

beforeAll(async () => {
  db = await createTestDatabase();
  another = new Database({ url: db.url, logger: createLogger('error'), maxConnections: 2 });
  await another.start();
});
afterAll(async () => {
  await another.stop();
  await db.stop();
});

async function movedBy(work: () => Promise<unknown>): Promise<number> {
  const before = db.database.accessEpoch();
  await work();
  return db.database.accessEpoch() - before;
}

it.each([
  `UPDATE tenants SET name = name WHERE id = 'none'`,
  `UPDATE memberships SET role = role WHERE id = 'none'`,
  `DELETE FROM memberships WHERE id = 'none'`,
  `UPDATE sessions SET revoked_at = now() WHERE id = 'none'`,
  `UPDATE api_keys SET revoked_at = now() WHERE id = 'none'`,
  `UPDATE api_keys SET expires_at = now() WHERE id = 'none'`,
  `UPDATE api_keys SET scopes = '{}' WHERE id = 'none'`,
  `UPDATE models SET visibility = 'PRIVATE' WHERE id = 'none'`,
  `UPDATE models SET archived_at = now() WHERE id = 'none'`,
  `UPDATE models SET last_version_number = 2 WHERE id = 'none'`,
  `UPDATE version_yanks SET ended_at = now() WHERE id = 'none'`,
  `UPDATE grants SET revoked_at = now() WHERE id = 'none'`,
  `UPDATE plans SET withdrawn_at = now() WHERE id = 'none'`,
  `UPDATE subscriptions SET cancelled_at = now() WHERE id = 'none'`,
  `INSERT INTO subscriptions (id, tenant_id, plan_id, model_id, owner_tenant_id, subscribed_at)
     SELECT id, tenant_id, '', '', '', now() FROM subscriptions`,
  `INSERT INTO grants (id, tenant_id, model_id, grantee_tenant_id, rights) SELECT id, tenant_id, '', '', '{}' FROM grants`,
  `INSERT INTO memberships (id, tenant_id, user_id, role) SELECT id, tenant_id, user_id, role FROM memberships`,
])('%s is known before its transaction resolves, by plain SQL of both kinds', async (statement) => {
  expect(await movedBy(() => db.database.sql(context, (query) => query(statement, [])))).toBe(1);
  expect(await movedBy(() => db.database.single(context)(statement, []))).toBe(1);
});

it('what Prisma writes is known before its transaction resolves', async () => {
  const revoke = () =>
    db.database.transaction(context, (tx) =>
      tx.grant.updateMany({ where: { id: 'none' }, data: { revokedAt: new Date() } }),
    );
  expect(await movedBy(revoke)).toBe(1);
});

it.each([
  `UPDATE api_keys SET last_used_at = now() WHERE id = 'none'`,
  `UPDATE idempotency_records SET outputs = NULL WHERE key = 'none'`,
  `SELECT id FROM models`,
])('%s moves nothing', async (statement) => {
  expect(await movedBy(() => db.database.sql(context, (query) => query(statement, [])))).toBe(0);
});

it('what is rolled back moves nothing', async () => {
  const refused = () =>
    db.database.sql(context, async (query) => {
      await query(`UPDATE models SET visibility = 'PRIVATE'`, []);
      return { ok: false as const, error: null };
    });
  expect(await movedBy(refused)).toBe(0);
});

it('one change counts once, however many connections hear of it', async () => {
  await Promise.all(
    Array.from({ length: 6 }, () => db.database.sql(context, (query) => query('SELECT 1', []))),
  );
  expect(
    await movedBy(async () => {
      await db.database.single(context)(`UPDATE models SET summary = summary`, []);
      await Promise.all(
        Array.from({ length: 6 }, () => db.database.sql(context, (query) => query('SELECT 1', []))),
      );
    }),
  ).toBe(1);
});

it('another process hears of it', async () => {
  const before = another.accessEpoch();
  await db.database.single(context)(`UPDATE models SET summary = summary`, []);
  await until(() => another.accessEpoch() > before, { timeoutMs: 1_000 });
});
