// Faults in what is charged, and in the ledger and its walls.
const LEASES = 'test/integration/metering/leases.test.ts';
const SETTLEMENT = 'test/integration/metering/settlement.test.ts';
const CHARGES = 'test/integration/metering/charge-store.test.ts';
const SUMS = 'test/integration/metering/ledger.test.ts';
const DURABLE = 'test/integration/metering/durable.test.ts';
const KEYS = 'test/integration/predictions/idempotency.test.ts';
const CORRIDOR = 'test/integration/predictions/corridor.test.ts';
const WALLS = 'test/contracts/row-level-security.test.ts';
const QUOTA_LEASES = 'prisma/migrations/20261122000400_quota_leases/migration.sql';
const PARTITIONS = 'prisma/migrations/20261124000100_ledger_partitions/migration.sql';
const METERING = 'src/domain/metering';
const PREDICTIONS = 'src/domain/predictions';

/** @type {import('./plant.mjs').Fault[]} */
export const CHARGE_FAULTS = [
  // charging
  {
    name: 'send-a-charge-twice',
    file: `${METERING}/lease-book.ts`,
    find: 'if (held.isSent || held.isOver) return false;',
    replace: 'if (held.isOver) return false;',
    tests: [LEASES, SETTLEMENT],
  },
  {
    name: 'charge-again-what-may-be-charged',
    file: `${METERING}/charge-store.ts`,
    find: 'return fault instanceof UnfitChargeError || isDataRefused(fault);',
    replace: 'return fault instanceof Error;',
    tests: [LEASES],
  },
  {
    name: 'fail-the-neighbours-of-a-bad-charge',
    file: `${METERING}/charge-store.ts`,
    find: 'return fault instanceof UnfitChargeError || isDataRefused(fault);',
    replace: 'return !(fault instanceof Error);',
    tests: [SETTLEMENT],
  },
  {
    name: 'write-what-the-fold-cannot',
    file: `${METERING}/charge-kinds.ts`,
    find: 'Number.isSafeInteger(value) && value >= 0',
    replace: 'Number.isSafeInteger(value)',
    tests: [CHARGES],
  },
  {
    name: 'charge-without-a-lease',
    file: `${METERING}/charge-statements.ts`,
    find: '    FROM taken t\n',
    replace: "    FROM (SELECT NULL::text AS api_key_id, '2026-03-01Z'::timestamptz AS period_start) t\n",
    tests: [CHARGES],
  },
  {
    name: 'do-not-wait-for-the-disk-kind',
    file: `${METERING}/charge-statements.ts`,
    find: 'WHERE l.tenant_id = $1 AND l.id = $2\n',
    replace:
      "WHERE l.tenant_id = $1 AND l.id = $2 AND set_config('synchronous_commit', 'off', true) = 'off'\n",
    tests: [DURABLE],
  },
  {
    name: 'do-not-wait-for-the-disk-many',
    file: `${METERING}/charge-statements.ts`,
    find: 'WHERE l.id = s.id\n',
    replace: "WHERE l.id = s.id AND set_config('synchronous_commit', 'off', true) = 'off'\n",
    tests: [DURABLE],
  },
  {
    name: 'answer-before-the-commit',
    file: `${METERING}/service.ts`,
    find: 'const { isCharged, isRecalled } = await settlements.submit(reservation.tenantId, settlement, isAlone);',
    replace: `void settlements.submit(reservation.tenantId, settlement, isAlone);
    const { isCharged, isRecalled } = { isCharged: true, isRecalled: false };`,
    tests: [DURABLE, SETTLEMENT],
  },
  {
    name: 'answer-before-the-charge',
    file: `${PREDICTIONS}/predict.ts`,
    find: 'const settled = await settle(pass, prediction, charge, reservation);',
    replace: `void settle(pass, prediction, charge, reservation);
      const settled = ok({ chargedAt: prediction.createdAt });`,
    tests: [CORRIDOR, KEYS],
  },
  {
    // Either covers for the other: who charged in vain also releases.
    name: 'use-what-is-not-certain',
    file: `${METERING}/lease-book.ts`,
    find: "if (outcome === 'LOST' || outcome === 'UNKNOWN') retire(lease);",
    replace: "if (outcome === 'LOST') retire(lease);",
    also: [{ find: 'if (held.isSent) retire(lease);', replace: '' }],
    tests: [LEASES],
  },
  // the ledger and its walls
  {
    name: 'drop-the-policy-of-the-ledger',
    file: PARTITIONS,
    find: 'USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());',
    replace: 'USING (true) WITH CHECK (true);',
    tests: [WALLS],
  },
  {
    name: 'drop-the-policy-of-leases',
    file: QUOTA_LEASES,
    find: 'USING (tenant_id = app_tenant_id() OR app_across_tenants())',
    replace: 'USING (tenant_id IS NOT NULL)',
    tests: [WALLS],
  },
  {
    name: 'grant-changes-of-the-ledger',
    file: PARTITIONS,
    find: 'GRANT SELECT, INSERT ON usage_events TO souk_app;',
    replace: 'GRANT SELECT, INSERT, UPDATE, DELETE ON usage_events TO souk_app;',
    tests: [WALLS],
  },
  {
    name: 'count-an-instant-twice',
    file: `${METERING}/usage-report.ts`,
    find: 'created_at >= $17 AND created_at < $18 AND period_start = $19',
    replace: 'created_at >= $17 AND created_at <= $18 AND period_start = $19',
    tests: [SUMS],
  },
];
