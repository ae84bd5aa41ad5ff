/**
 * The second wall by itself: no service, no `where`. Every table is under row-level security, a bare SELECT
 * shows a tenant only its own, and the test sees it when a policy is loosened.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;

const AT = "'2026-01-01T00:00:00Z'";

/** One row of tenant A (`ten_a`) or of its user (`usr_a`) in each table, in an order that foreign keys allow. */
const ROWS: Readonly<Record<string, string>> = {
  tenants:
    "(id, slug, name) VALUES ('ten_a', 'tenant-a', 'A'), ('ten_b', 'tenant-b', 'B'), ('ten_c', 'tenant-c', 'C')",
  users: "(id, email, name) VALUES ('usr_a', 'a@example.com', 'A')",
  artifacts: "(digest, bytes) VALUES ('d', 1)",
  tenant_plans: "(tenant_id) VALUES ('ten_a')",
  user_passwords: "(user_id, password_hash) VALUES ('usr_a', 'x')",
  memberships: "(id, tenant_id, user_id, role) VALUES ('mbr_a', 'ten_a', 'usr_a', 'OWNER')",
  invitations: `(id, tenant_id, email, role, token_hash, expires_at) VALUES ('inv_a', 'ten_a', 'i@example.com', 'VIEWER', 'h', ${AT})`,
  sessions: `(id, user_id, expires_at) VALUES ('ses_a', 'usr_a', ${AT})`,
  refresh_tokens: `(token_hash, session_id, user_id, expires_at) VALUES ('h', 'ses_a', 'usr_a', ${AT})`,
  api_keys:
    "(id, tenant_id, name, secret_hash, prefix, last_four, scopes) VALUES ('key_a', 'ten_a', 'k', 'h', 'p', 'l', '{}')",
  audit_events: "(id, tenant_id, action, request_id, details) VALUES ('aud_a', 'ten_a', 'x', 'req', '{}')",
  models: "(id, tenant_id, owner_slug, name) VALUES ('mdl_a', 'ten_a', 'tenant-a', 'm')",
  uploads: `(id, tenant_id, digest, bytes, expires_at) VALUES ('upl_a', 'ten_a', 'd', 1, ${AT})`,
  transfers: `(id, tenant_id, role, reserved_bytes, expires_at) VALUES ('upl_a', 'ten_a', 'WHOLE', 0, ${AT})`,
  publications:
    "(id, tenant_id, model_id, digest, bytes, status, upload_id, request_id) VALUES ('pub_a', 'ten_a', 'mdl_a', 'd', 1, 'REFUSED', 'upl', 'req')",
  versions: `(id, tenant_id, model_id, number, format, digest, bytes, pack_digest, pack_bytes, signature, runtime, trials,
     parameter_count, weight_bytes, operations) VALUES ('ver_a', 'ten_a', 'mdl_a', 1, 'KERAS_H5', 'd', 1, 'p', 1, '{}', 'tfjs-node', '[]', 1, 1, '[]')`,
  version_yanks: `(id, tenant_id, model_id, version_id, reason, pinned_callers, yanked_at)
     VALUES ('ynk_a', 'ten_a', 'mdl_a', 'ver_a', 'r', 'KEEP', ${AT})`,
  aliases: `(model_id, tenant_id, name, version_id, revision, moved_at) VALUES ('mdl_a', 'ten_a', 'production', 'ver_a', 1, ${AT})`,
  alias_moves: `(model_id, tenant_id, name, revision, kind, to_version_id, reason, differences, is_override, request_id, created_at)
     VALUES ('mdl_a', 'ten_a', 'production', 1, 'CREATED', 'ver_a', 'why', '[]', false, 'req', ${AT})`,
  alias_requests: `(id, model_id, tenant_id, name, action, revision, from_version_id, reason, differences, is_override, request_id, created_at)
     VALUES ('alr_a', 'mdl_a', 'ten_a', 'production', 'DELETE', 1, 'ver_a', 'why', '[]', false, 'req', ${AT})`,
  grants:
    "(id, tenant_id, model_id, grantee_tenant_id, rights) VALUES ('grt_a', 'ten_a', 'mdl_a', 'ten_c', '{VIEW}')",
  plans: `(id, tenant_id, model_id, name, currency, price_per_thousand_micros, price_per_compute_second_micros,
     free_predictions_per_month) VALUES ('pln_a', 'ten_a', 'mdl_a', 'p', 'EUR', 0, 0, 0)`,
  // Of another tenant on a model of this one: both see it.
  subscriptions: `(id, tenant_id, plan_id, model_id, owner_tenant_id, subscribed_at)
     VALUES ('sub_a', 'ten_c', 'pln_a', 'mdl_a', 'ten_a', ${AT})`,
  statement_closings: `(tenant_id, period_start, closed_at) VALUES ('ten_a', '2025-01-01T00:00:00Z', ${AT})`,
  statements: `(id, tenant_id, number, period_start, currency, amount_micros, closed_at)
     VALUES ('stm_a', 'ten_a', 1, '2025-01-01T00:00:00Z', 'EUR', 1, ${AT})`,
  statement_lines: `(statement_id, position, tenant_id, owner_tenant_id, period_start, currency, kind, for_period_start,
     subscription_id, model_id, model_name, predictions, free_predictions, rows, compute_us, amount_micros)
     VALUES ('stm_a', 0, 'ten_a', 'ten_c', ${AT}, 'EUR', 'PREDICTIONS', ${AT}, 'sub_a', 'mdl_a', 'a/m', 1, 0, 1, 1, 1)`,
  billed_corrections:
    "(event_id, tenant_id, owner_tenant_id, statement_id) VALUES ('use_a', 'ten_a', 'ten_c', 'stm_a')",
  quota_counters: `(tenant_id, subject, subject_id, period_start) VALUES ('ten_a', 'TENANT', 'ten_a', ${AT})`,
  quota_leases: `(id, tenant_id, period_start, units, expires_at) VALUES ('lse_a', 'ten_a', ${AT}, 1, ${AT})`,
  quota_limits: `(id, tenant_id, subject, subject_id, measure, span, amount) VALUES ('lim_a', 'ten_a', 'TENANT', 'ten_a', 'ROWS', 'DAY', 1)`,
  limit_counters: `(limit_id, tenant_id, window_start) VALUES ('lim_a', 'ten_a', ${AT})`,
  quota_threshold_events: `(limit_id, window_start, percent, tenant_id, subject, subject_id, measure, span, amount, used, raised_at)
     VALUES ('lim_a', ${AT}, 50, 'ten_a', 'TENANT', 'ten_a', 'ROWS', 'DAY', 1, 1, ${AT})`,
  subscription_ordinals: `(subscription_id, period_start, tenant_id) VALUES ('sub_a', ${AT}, 'ten_a')`,
  usage_events: `(id, tenant_id, request_id, owner_tenant_id, model_id, model_name, version_id, version_number, digest, runtime, worker,
     batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms, compute_ms, compute_us, period_start, created_at)
     VALUES ('prd_a', 'ten_a', 'req', 'ten_a', 'mdl_a', 'a/m', 'ver_a', 1, 'd', 'tfjs-node', 'w', 1, 1, 1, 1, 4, 0, 0, 0, 0, 0, ${AT}, ${AT})`,
  usage_series: `(tenant_id, owner_tenant_id, model_id, model_name, version_id, version_number, kind)
     VALUES ('ten_a', 'ten_a', 'mdl_a', 'a/m', 'ver_a', 1, 'PREDICTION')`,
  usage_hours: `(series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
     VALUES (1, ${AT}, 'ten_a', 1, 1, 4, 0, 0)`,
  usage_days: `(series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
     VALUES (1, ${AT}, 'ten_a', 1, 1, 4, 0, 0)`,
  usage_months: `(series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
     VALUES (1, ${AT}, 'ten_a', 1, 1, 4, 0, 0)`,
  usage_key_sums: `(tenant_id, unit, period_start, api_key_id, currency, predictions, rows, bytes, compute_us, cost_micros)
     VALUES ('ten_a', 'day', ${AT}, '', '', 1, 1, 4, 0, 0)`,
  usage_deltas: `(tenant_id, owner_tenant_id, model_id, model_name, version_id, version_number, hour, predictions, rows, bytes,
     compute_us, cost_micros, period_start, ids) VALUES ('ten_a', 'ten_a', 'mdl_a', 'a/m', 'ver_a', 1, ${AT}, 1, 1, 4, 0, 0, ${AT}, '{prd_b}')`,
  usage_retired_months: `(period_start, events, retired_at) VALUES ('2001-01-01Z', 1, ${AT})`,
  datasets: `(id, tenant_id, name, format, digest, bytes, source_digest, source_bytes, rows, columns, label_kind)
     VALUES ('dst_a', 'ten_a', 'd', 'CSV', 'd', 1, 'd', 1, 1, '[]', 'TEXT')`,
  evaluations: `(id, tenant_id, version_id, dataset_id, dataset_name, dataset_digest, rows, plan, status, request_id)
     VALUES ('evl_a', 'ten_a', 'ver_a', 'dst_a', 'd', 'd', 1, '{}', 'FAILED', 'req')`,
  evaluation_chunks: `(evaluation_id, tenant_id, "index", rows, records, compute_ms) VALUES ('evl_a', 'ten_a', 0, 1, '', 1)`,
  idempotency_records: `(tenant_id, key, request_hash, claim_expires_at) VALUES ('ten_a', 'k', 'h', ${AT})`,
};

/** Seen by every tenant, with the reason. */
const SHARED: Readonly<Record<string, string>> = {
  tenants: 'slug and name are half of each public model name; nothing else is in the table',
  artifacts: 'digest and size of bytes; no name, no owner',
  usage_retired_months: 'months whose events were dropped; nobody is in it',
};

/** Written once, then never changed: the application may not even try. */
const APPEND_ONLY = [
  'versions',
  'alias_moves',
  'evaluation_chunks',
  'usage_events',
  'usage_deltas',
  'audit_events',
  'statement_closings',
  'statements',
  'statement_lines',
  'billed_corrections',
];

beforeAll(async () => {
  db = await createTestDatabase();
  for (const [table, row] of Object.entries(ROWS)) await db.asOwner(`INSERT INTO ${table} ${row}`);
});
afterAll(() => db.stop());

/** Rows that a bare SELECT shows to a tenant and its user. */
async function countFor(table: string, tenantId: string, userId: string): Promise<number> {
  const [row] = await db.database.sql({ tenantId, userId }, (query) =>
    query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`, []),
  );
  return row?.count ?? -1;
}

it('every table has a row here, and none is left over', async () => {
  const tables = await db.asOwner<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_prisma%'",
  );
  expect(tables.map((table) => table.name).sort()).toEqual(Object.keys(ROWS).sort());
});

it('row-level security is forced on every table, and no policy lets everything through', async () => {
  const loose = await db.asOwner(
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_prisma%' AND NOT (relrowsecurity AND relforcerowsecurity)",
  );
  expect(loose).toEqual([]);
  const open = await db.asOwner(
    "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' AND (qual = 'true' OR with_check = 'true')",
  );
  expect(open).toEqual([]);
});

it('the ledger shows its tenant what is in its table and what waits, and a neighbour neither', async () => {
  const views = await db.asOwner<{ name: string; options: string }>(
    `SELECT relname AS name, reloptions::text AS options FROM pg_class
     WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace`,
  );
  // With the rights of the asker: as the owner of its tables a view would pass by their policies.
  expect(views).toEqual([{ name: 'usage_ledger', options: '{security_invoker=true}' }]);
  expect(await countFor('usage_ledger', 'ten_a', 'usr_a')).toBe(2);
  expect(await countFor('usage_ledger', 'ten_b', 'usr_b')).toBe(0);
  expect(await countFor('usage_ledger', '', '')).toBe(0);
});

it('a partition is reached through its table alone', async () => {
  await db.database.sql({}, (query) => query("SELECT ensure_usage_partition('2026-01-15Z')", []));
  const partitions = await db.asOwner<{ name: string; isOpen: boolean }>(
    `SELECT relname AS name, NOT relrowsecurity OR has_table_privilege('souk_app', oid, 'SELECT, INSERT, UPDATE, DELETE') AS "isOpen"
     FROM pg_class WHERE relkind = 'r' AND relispartition ORDER BY 1`,
  );
  expect(partitions.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['usage_events_2026_01', 'usage_events_default']),
  );
  expect(partitions.filter(({ isOpen }) => isOpen)).toEqual([]);
  // What the default one had of the month is there.
  expect(await db.asOwner('SELECT id FROM usage_events_2026_01')).toEqual([{ id: 'prd_a' }]);
});

it('the application is nobody special: not the owner, no superuser, no way around the policies', async () => {
  const [role] = await db.database.sql({}, (query) =>
    query<object>(
      `SELECT r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
         (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS owns
       FROM pg_roles r WHERE r.rolname = current_user`,
      [],
    ),
  );
  expect(role).toEqual({
    rolname: 'souk_app',
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    owns: 0,
  });
});

it.each(APPEND_ONLY)('%s cannot be changed or removed by the application', async (table) => {
  const privileges = await db.asOwner<{ privilege: string }>(
    "SELECT privilege_type AS privilege FROM information_schema.role_table_grants WHERE grantee = 'souk_app' AND table_name = $1 ORDER BY 1",
    [table],
  );
  expect(privileges.map((one) => one.privilege)).toEqual(['INSERT', 'SELECT']);
});

describe.each(Object.keys(ROWS).filter((table) => SHARED[table] === undefined))('%s', (table) => {
  it('shows its tenant the row, and a neighbour nothing', async () => {
    expect(await countFor(table, 'ten_a', 'usr_a')).toBeGreaterThan(0);
    expect(await countFor(table, 'ten_b', 'usr_b')).toBe(0);
    expect(await countFor(table, '', '')).toBe(0);
  });

  it('would be seen to leak if its policies were loosened', async () => {
    await db.asOwner(`CREATE POLICY loosened ON ${table} FOR SELECT USING (true)`);
    try {
      expect(await countFor(table, 'ten_b', 'usr_b')).toBeGreaterThan(0);
    } finally {
      await db.asOwner(`DROP POLICY loosened ON ${table}`);
    }
  });
});

it('the owner of a model sees what it earns on the statements of others, and only where it asks across tenants', async () => {
  const lines = (tenantId: string, acrossTenants: boolean) =>
    db.database.sql({ tenantId, acrossTenants }, (query) =>
      query('SELECT 1 FROM statement_lines UNION ALL SELECT 1 FROM billed_corrections', []),
    );
  expect(await lines('ten_c', true)).toHaveLength(2);
  expect(await lines('ten_c', false)).toEqual([]);
  expect(await lines('ten_b', true)).toEqual([]);
});
