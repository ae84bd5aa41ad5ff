// The books as they lie in the tables, read past row-level security when nothing runs. Each broken rule is one line of
// text. What is asked here knows the tables by name: whoever changes the books changes this file.
import pg from 'pg';

/** Each answers rows that must not be there; the last of three names the table without which there is nothing to ask. */
const MUST_BE_EMPTY = [
  [
    'charged twice: two events of one id (the primary key holds within a month only)',
    'SELECT id AS what FROM usage_ledger GROUP BY id HAVING count(*) > 1',
  ],
  [
    'charged twice: two events of one request',
    `SELECT request_id AS what FROM usage_ledger WHERE kind = 'PREDICTION' GROUP BY tenant_id, request_id HAVING count(*) > 1`,
  ],
  [
    'a counter that is not its ledger (used + charged of its leases = events)',
    `SELECT c.subject || ' ' || c.subject_id || ': used ' || c.used || ' + charged ' || l.charged || ', events ' || e.units AS what
     FROM quota_counters c
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(q.charged), 0) AS charged FROM quota_leases q
       WHERE q.tenant_id = c.tenant_id AND q.period_start = c.period_start
         AND (c.subject = 'TENANT' OR q.api_key_id = c.subject_id)
     ) l
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(u.units), 0) AS units FROM usage_ledger u
       WHERE u.tenant_id = c.tenant_id AND u.period_start = c.period_start
         AND (c.subject = 'TENANT' OR u.api_key_id = c.subject_id)
     ) e
     WHERE c.used + l.charged <> e.units`,
  ],
  [
    'a counter whose reserved units nobody has leased',
    `SELECT c.subject || ' ' || c.subject_id || ': reserved ' || c.reserved || ', leased ' || l.units AS what
     FROM quota_counters c
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(q.units), 0) AS units FROM quota_leases q
       WHERE q.tenant_id = c.tenant_id AND q.period_start = c.period_start
         AND (c.subject = 'TENANT' OR q.api_key_id = c.subject_id)
     ) l
     WHERE c.reserved <> l.units`,
  ],
  [
    'a charge that no counter counts',
    `SELECT DISTINCT u.tenant_id AS what FROM usage_ledger u WHERE NOT EXISTS (
       SELECT 1 FROM quota_counters c
       WHERE c.subject = 'TENANT' AND c.subject_id = u.tenant_id AND c.period_start = u.period_start)`,
  ],
  [
    'an answer under an idempotency key that was not charged',
    `SELECT r.key AS what FROM idempotency_records r WHERE r.prediction_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM usage_ledger u WHERE u.id = r.prediction_id AND u.tenant_id = r.tenant_id)`,
  ],
  [
    'two keys with one answer',
    `SELECT prediction_id AS what FROM idempotency_records WHERE prediction_id IS NOT NULL
     GROUP BY prediction_id HAVING count(*) > 1`,
  ],
  [
    'a claim on an idempotency key under which nothing runs',
    'SELECT key AS what FROM idempotency_records WHERE prediction_id IS NULL',
  ],
  [
    'a counter of a limit that is not its ledger, or whose reserved units nobody has leased',
    `SELECT q.subject || ' ' || q.measure || ' ' || q.span || ': used ' || c.used || ' + charged ' || l.charged || ', events '
         || charged_under(q, c.window_start) || ', reserved ' || c.reserved || ', leased ' || l.held AS what
     FROM limit_counters c JOIN quota_limits q ON q.id = c.limit_id
     CROSS JOIN LATERAL leased_under(q, c.window_start) l
     WHERE q.span NOT IN ('MINUTE', 'NONE')
       AND (c.used + l.charged <> charged_under(q, c.window_start) OR c.reserved <> l.held)`,
    'limit_counters',
  ],
  [
    'a sum of the ledger that is not its events',
    `SELECT bad.granularity || ' ' || bad.bucket || ': ' || bad.predictions || ' events, ' || bad.summed_predictions || ' summed' AS what
     FROM (SELECT DISTINCT period_start FROM usage_ledger) m
     CROSS JOIN LATERAL check_usage_rollups(m.period_start, m.period_start + INTERVAL '1 month', 3) bad`,
    'usage_deltas',
  ],
];

/** @returns {Promise<string[]>} what is broken */
export async function checkTables(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const broken = [];
    for (const [what, text, table] of MUST_BE_EMPTY) {
      if (table !== undefined) {
        const { rows: found } = await client.query('SELECT to_regclass($1) AS it', [table]);
        if (found[0].it === null) continue;
      }
      const { rows } = await client.query(text);
      if (rows.length > 0)
        broken.push(`${what}: ${rows.slice(0, 3).map((row) => row.what)} (${rows.length})`);
    }
    return broken;
  } finally {
    await client.end();
  }
}
