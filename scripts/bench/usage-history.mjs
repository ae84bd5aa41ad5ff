// Ten million usage events of thirteen months, made by the database itself: a few hundred tenants with keys, models and
// versions, of which few do most. Straight into the tables, as their owner; what is summed from them is summed by Souk.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

export const EVENTS = 10_000_000;
const MONTHS = 13;
const TENANTS = 300;
const MODELS = 250;

/** As the owner of the tables of a server's embedded database. */
export async function connectAsOwner({ dataDirectory }) {
  const password = readFileSync(join(dataDirectory, 'postgres.password'), 'utf8').trim();
  const port = Number(readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'souk', password, database: 'souk' });
  await client.connect();
  return client;
}

/**
 * @param tenantIds tenants that exist, to be the largest, a middling and a small one
 * @returns the starts of the months, the oldest first
 */
export async function makeHistory(client, { events = EVENTS, tenantIds, progress }) {
  await client.query(`SET timezone = 'UTC'; SET synchronous_commit = off; SET maintenance_work_mem = '256MB';
    SET work_mem = '64MB'; SELECT setseed(0.42)`);
  await makeSeries(client, tenantIds);
  const months = monthsBefore(new Date());
  const now = Date.now();
  // The month that has begun has its share of events.
  const lengths = months.map(({ start, end }) => Math.min(end, now) - start);
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  for (const [i, { start }] of months.entries()) {
    const count = Math.round((events * lengths[i]) / whole);
    const name = `usage_events_${new Date(start).toISOString().slice(0, 7).replace('-', '_')}`;
    await makeMonth(client, name, new Date(start), lengths[i], count);
    progress(`usage: ${count} events of ${name.slice(-7)}`);
  }
  await client.query('DROP TABLE bench_series');
  return months.map(({ start }) => new Date(start));
}

/** What summed usage is by: the first tenants have most, and the first series of each are used most. */
async function makeSeries(client, tenantIds) {
  await client.query(`
    CREATE TABLE bench_series AS
    SELECT row_number() OVER (ORDER BY weight DESC)::int AS n, tenant_id, api_key_id, owner_tenant_id, model_id, model_name,
      version_id, version_number
    FROM (
      SELECT 'ten_' || lpad(t::text, 26, '0') AS tenant_id, 'key_' || lpad((t * 10 + s % 6)::text, 26, '0') AS api_key_id,
        'ten_' || lpad((m % 40)::text, 26, '0') AS owner_tenant_id, 'mdl_' || lpad(m::text, 26, '0') AS model_id,
        'owner-' || m % 40 || '/model-' || m AS model_name, 'ver_' || lpad((m * 10 + v)::text, 26, '0') AS version_id,
        v AS version_number, 1.0 / (t * s) AS weight
      FROM generate_series(1, ${TENANTS}) t
        CROSS JOIN LATERAL generate_series(1, greatest(4, 100 / t)) s
        CROSS JOIN LATERAL (SELECT 1 + (t * 7 + s * 13) % ${MODELS} AS m, 1 + s % 3 AS v) x
    ) y`);
  // The largest, and those a tenth and two thirds down the list.
  const places = [1, TENANTS / 10, (TENANTS * 2) / 3];
  for (const [i, tenantId] of tenantIds.entries()) {
    await client.query(
      `UPDATE bench_series SET tenant_id = $1 WHERE tenant_id = 'ten_' || lpad($2::text, 26, '0')`,
      [tenantId, Math.round(places[i])],
    );
  }
  await client.query('ALTER TABLE bench_series ADD PRIMARY KEY (n); ANALYZE bench_series');
}

/** Filled before it becomes a partition, so that its indexes are built at once; where it is one already, row by row. */
async function makeMonth(client, name, start, lengthMs, count) {
  const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS "isThere"', [name]);
  const isNew = !rows[0].isThere;
  if (isNew)
    await client.query(`CREATE TABLE ${name} (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
  await client.query(
    `INSERT INTO ${name} (id, tenant_id, api_key_id, request_id, owner_tenant_id, model_id, model_name, version_id,
       version_number, digest, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms,
       compute_ms, compute_us, period_start, created_at)
     SELECT 'prd_' || to_char($1::timestamptz, 'YYYYMM') || lpad(e.i::text, 20, '0'), s.tenant_id, s.api_key_id,
       'req_' || to_char($1::timestamptz, 'YYYYMM') || lpad(e.i::text, 20, '0'), s.owner_tenant_id, s.model_id, s.model_name,
       s.version_id, s.version_number, md5(s.version_id) || md5(s.model_id), 'tfjs-graph', 'w1', 1, e.rows, e.rows, 1,
       e.rows * 40, 0.2, 0, 0, e.ms, (e.ms * 1000)::bigint, $1, $1::timestamptz + e.at_ms * INTERVAL '1 millisecond'
     FROM (
       SELECT i, 1 + floor(random() * 8)::int AS rows, round((0.1 + random())::numeric, 3)::float8 AS ms,
         -- In order, as they come.
         floor(($2::float8 - 1) * i / $3::float8) AS at_ms,
         1 + floor((SELECT max(n) FROM bench_series) * power(random(), 3))::int AS n
       FROM generate_series(1, $3::int) i
     ) e JOIN bench_series s ON s.n = e.n`,
    [start, lengthMs, count],
  );
  if (isNew) {
    await client.query(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`);
    await client.query(
      `ALTER TABLE usage_events ATTACH PARTITION ${name} FOR VALUES FROM ('${start.toISOString()}') TO ('${monthAfter(start).toISOString()}')`,
    );
  }
  await client.query(`ANALYZE ${name}`);
}

function monthsBefore(now) {
  return Array.from({ length: MONTHS }, (_, i) => {
    const start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS + 1 + i);
    return { start, end: monthAfter(new Date(start)).getTime() };
  });
}

function monthAfter(start) {
  return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1));
}
