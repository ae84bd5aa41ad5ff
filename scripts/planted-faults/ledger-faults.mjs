// Faults in the sums of the ledger, in corrections and refunds, and in what is kept of it.
const CORRECTIONS = 'test/integration/metering/corrections.test.ts';
const CHARGES = 'test/integration/metering/charge-store.test.ts';
const SUMS = 'test/integration/metering/ledger.test.ts';
const UPKEEP = 'test/integration/metering/ledger-upkeep.test.ts';

const ROLLUPS = 'prisma/migrations/20261124000200_usage_rollups/migration.sql';
const FOLD = 'prisma/migrations/20261124000900_charges_in_one_row/migration.sql';
const PARTITIONS = 'prisma/migrations/20261124000100_ledger_partitions/migration.sql';
const METERING = 'src/domain/metering';

/** @type {import('./plant.mjs').Fault[]} */
export const LEDGER_FAULTS = [
  {
    name: 'forget-the-sum-of-a-kind',
    file: `${METERING}/charge-statements.ts`,
    find: '$3, $4, $5, $6, $7, ${EVENT_ARRAYS',
    replace: '$3, $4, 0, $6, $7, ${EVENT_ARRAYS',
    tests: [CHARGES],
  },
  {
    name: 'forget-the-sum-of-many',
    file: `${METERING}/charge-statements.ts`,
    find: 'k.units, k.rows, k.bytes, k."computeUs", k."costMicros", ${',
    replace: 'k.units, k.rows, 0, k."computeUs", k."costMicros", ${',
    tests: [CHARGES],
  },
  {
    name: 'add-less-than-was-charged',
    file: `${METERING}/charge-kinds.ts`,
    find: 'computeUs += charge.computeUs;',
    replace: 'computeUs = charge.computeUs;',
    tests: [CHARGES],
  },
  {
    name: 'sum-in-the-wrong-day',
    file: FOLD,
    defines: 'fold_usage_deltas',
    find: "SELECT series_id, date_trunc('day', hour), tenant_id, sum(predictions)",
    replace: "SELECT series_id, date_trunc('day', hour + INTERVAL '1 hour'), tenant_id, sum(predictions)",
    tests: [SUMS],
  },
  {
    name: 'fold-without-the-events',
    file: FOLD,
    defines: 'fold_usage_deltas',
    find: 'CROSS JOIN LATERAL charges_in(g.delta) e\n',
    replace: 'CROSS JOIN LATERAL charges_in(g.delta) e WHERE false\n',
    tests: [CHARGES],
  },
  {
    name: 'read-the-ledger-without-what-waits',
    file: FOLD,
    find: 'charges_in(d) e WHERE d.ids IS NOT NULL;',
    replace: 'charges_in(d) e WHERE d.ids IS NULL;',
    tests: [CHARGES],
  },
  {
    name: 'read-the-ledger-past-its-walls',
    file: FOLD,
    find: 'security_invoker = true',
    replace: 'security_invoker = false',
    tests: ['test/contracts/row-level-security.test.ts'],
  },
  {
    name: 'date-a-charge-to-its-hour',
    file: FOLD,
    find: "(d.hour + e.at_ms * INTERVAL '1 millisecond')",
    replace: "(d.hour + e.at_ms * INTERVAL '0 milliseconds')",
    tests: [CHARGES],
  },
  {
    name: 'rebuild-over-what-waits',
    file: FOLD,
    defines: 'rebuild_usage_month',
    find: 'WHERE d.ids IS NULL AND d.hour >= v_start',
    replace: 'WHERE d.hour >= v_start',
    also: [{ find: '    WHILE fold_usage_deltas(10000) > 0 LOOP END LOOP;\n', replace: '' }],
    tests: [SUMS],
  },
  {
    name: 'fold-what-stays',
    file: FOLD,
    defines: 'fold_usage_deltas',
    find: 'DELETE FROM usage_deltas d USING chosen c WHERE d.ctid = c.place',
    replace: 'UPDATE usage_deltas d SET hour = d.hour FROM chosen c WHERE d.ctid = c.place',
    tests: [SUMS],
  },
  {
    name: 'count-the-edges-of-a-span-twice',
    file: `${METERING}/usage-span.ts`,
    find: 'hoursAfter: { from: days.to, to: whole.to },',
    replace: 'hoursAfter: { from: new Date(days.to.getTime() - HOUR_MS), to: whole.to },',
    tests: [SUMS],
  },
  {
    name: 'take-a-part-of-a-month-for-a-whole-one',
    file: `${METERING}/usage-span.ts`,
    find: 'return start.getTime() === instant.getTime() ? start : end;',
    replace: 'return start;',
    tests: [SUMS],
  },
  {
    name: 'fold-without-the-sums-of-keys',
    file: FOLD,
    defines: 'fold_usage_deltas',
    find: "CROSS JOIN (VALUES ('hour'), ('day'), ('month')) units (unit)\n        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5\n        ON CONFLICT",
    replace:
      "CROSS JOIN (VALUES ('hour'), ('month')) units (unit)\n        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5\n        ON CONFLICT",
    tests: [SUMS],
  },
  {
    name: 'refund-more-than-is-left',
    file: FOLD,
    defines: 'correct_usage',
    find: `ELSIF v_left.units + v_units < 0 OR v_left.rows + v_rows < 0 OR v_left.bytes + v_bytes < 0
        OR v_left.compute_us + v_compute_us < 0 OR v_left.cost_micros + v_cost_micros < 0 THEN`,
    replace: 'ELSIF false THEN',
    tests: [CORRECTIONS],
  },
  {
    name: 'refund-twice',
    file: FOLD,
    defines: 'correct_usage',
    find: `INTO v_left FROM usage_ledger e
        WHERE e.tenant_id = p_tenant_id AND e.corrects_id = p_prediction_id;`,
    replace: 'INTO v_left FROM usage_ledger e WHERE false;',
    tests: [CORRECTIONS],
  },
  {
    name: 'refund-without-the-quota',
    file: FOLD,
    defines: 'correct_usage',
    find: 'ARRAY[v_units, v_rows, v_bytes, v_compute_us, v_cost_micros',
    replace: 'ARRAY[0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint',
    tests: [CORRECTIONS],
  },
  {
    name: 'refund-without-the-sums',
    file: FOLD,
    defines: 'correct_usage',
    find: "date_trunc('hour', p_now, 'UTC'), v_units,",
    replace: "date_trunc('hour', p_now, 'UTC'), 0,",
    tests: [CORRECTIONS],
  },
  {
    name: 'correct-twice-for-a-key',
    file: FOLD,
    defines: 'correct_usage',
    find: 'AND e.corrects_id = p_prediction_id AND e.id = p_id;',
    replace: 'AND e.corrects_id = p_prediction_id AND e.id = p_id AND false;',
    tests: [CORRECTIONS],
  },
  {
    name: 'correct-upwards-in-silence',
    file: `${METERING}/corrections.ts`,
    find: 'some((amount) => amount > 0)',
    replace: 'some((amount) => amount > 1e9)',
    tests: [CORRECTIONS],
  },
  {
    name: 'drop-events-whose-sums-are-wrong',
    file: ROLLUPS,
    defines: 'retire_usage_month',
    find: 'IF EXISTS (SELECT 1 FROM check_usage_rollups(v_start, v_end, 1)) THEN',
    replace: 'IF false THEN',
    tests: [UPKEEP],
  },
  {
    name: 'lose-what-moves-to-a-partition',
    file: PARTITIONS,
    defines: 'ensure_usage_partition',
    find: 'INSERT INTO %I SELECT * FROM moved',
    replace: 'INSERT INTO %I SELECT * FROM moved WHERE false',
    tests: [UPKEEP],
  },
];
