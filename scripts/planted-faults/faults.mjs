// The faults that metering must not have, each with the tests that notice it. Texts are as short as they can be and still
// occur once: whoever changes the source changes them here (`test/unit/scripts/planted-faults.test.ts` says which).

const LEASES = 'test/integration/metering/leases.test.ts';
const SETTLEMENT = 'test/integration/metering/settlement.test.ts';
const REPORTS = 'test/integration/metering/reports.test.ts';
const TIME = 'test/integration/metering/time.test.ts';
const CHARGES = 'test/integration/metering/charge-store.test.ts';
const DURABLE = 'test/integration/metering/durable.test.ts';
const ADMISSION = 'test/integration/metering/admission.test.ts';
const KEYS = 'test/integration/predictions/idempotency.test.ts';
const CORRIDOR = 'test/integration/predictions/corridor.test.ts';
const WALLS = 'test/contracts/row-level-security.test.ts';
const TWO_SERVERS = 'test/e2e/two-servers.test.ts';

const QUOTA_LEASES = 'prisma/migrations/20261122000400_quota_leases/migration.sql';
const EXACT_QUOTA = 'prisma/migrations/20261121000200_exact_quota/migration.sql';
const PARTITIONS = 'prisma/migrations/20261124000100_ledger_partitions/migration.sql';
const METERING = 'src/domain/metering';
const PREDICTIONS = 'src/domain/predictions';

/** @type {import('./plant.mjs').Fault[]} */
export const FAULTS = [
  // -- granting ---------------------------------------------------------------------------------------------------
  {
    name: 'grant-more-than-is-left',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: 'v_granted := least(p_asked, v_left);',
    replace: 'v_granted := p_asked;',
    tests: [ADMISSION, LEASES],
  },
  {
    name: 'ignore-the-limit-of-the-tenant',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: 'v_tenant_left := v_tenant_limit - v_tenant.used - v_tenant.reserved;',
    replace: 'v_tenant_left := NULL;',
    tests: [ADMISSION, REPORTS],
  },
  {
    name: 'ignore-the-limit-of-the-key',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: 'v_key_left := v_key_limit - v_key.used - v_key.reserved;',
    replace: 'v_key_left := NULL;',
    tests: [ADMISSION, LEASES],
  },
  {
    name: 'forget-what-is-reserved',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: 'v_tenant_left := v_tenant_limit - v_tenant.used - v_tenant.reserved;',
    replace: 'v_tenant_left := v_tenant_limit - v_tenant.used;',
    tests: [ADMISSION, SETTLEMENT],
  },
  {
    name: 'do-not-lock-the-counter',
    file: EXACT_QUOTA,
    defines: 'lock_quota_counter',
    find: 'period_start = p_period_start FOR UPDATE;\n    IF NOT FOUND',
    replace: 'period_start = p_period_start;\n    IF NOT FOUND',
    tests: [ADMISSION, LEASES],
  },
  {
    name: 'forget-to-carry-over-what-was-charged',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: `used = c.used + coalesce(v_lease.charged, 0)
            WHERE c.subject = 'TENANT'`,
    replace: `used = c.used
            WHERE c.subject = 'TENANT'`,
    tests: [LEASES],
  },
  {
    name: 'take-more-ahead-than-an-eighth',
    file: QUOTA_LEASES,
    defines: 'lease_quota',
    find: '(v_left - v_granted) / 8)',
    replace: '(v_left - v_granted) * 2)',
    tests: [LEASES],
  },
  // -- charging ---------------------------------------------------------------------------------------------------
  {
    name: 'settle-twice-many',
    file: `${METERING}/charge-store.ts`,
    find: 'sum(a.units) AS units FROM added a JOIN events e ON e.id = a.id GROUP BY 1',
    replace: 'sum(e.units) AS units FROM events e GROUP BY 1',
    tests: [CHARGES],
  },
  {
    name: 'settle-twice-one',
    file: `${METERING}/charge-one.ts`,
    find: 'FROM added a WHERE l.tenant_id = $1 AND l.id = $2',
    replace: 'FROM (SELECT 2 AS units FROM held) a WHERE l.tenant_id = $1 AND l.id = $2',
    tests: [CHARGES],
  },
  {
    name: 'charge-units-for-another-prediction',
    file: `${METERING}/lease-book.ts`,
    find: 'return held.chargedFor === predictionId;',
    replace: 'return true;',
    tests: [LEASES, SETTLEMENT],
  },
  {
    name: 'charge-without-a-lease',
    file: `${METERING}/charge-one.ts`,
    find: 'FROM held h\n',
    replace: "FROM (SELECT NULL::text AS api_key_id, '2026-03-01Z'::timestamptz AS period_start) h\n",
    tests: [CHARGES],
  },
  {
    name: 'do-not-wait-for-the-disk-one',
    file: `${METERING}/charge-one.ts`,
    find: '  WITH held AS MATERIALIZED (\n    SELECT l.api_key_id',
    replace:
      "  WITH careless AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS it), held AS MATERIALIZED (\n    SELECT (SELECT NULL FROM careless WHERE it = '') AS nothing, l.api_key_id",
    tests: [DURABLE],
  },
  {
    name: 'do-not-wait-for-the-disk-many',
    file: `${METERING}/charge-store.ts`,
    find: '  WITH held AS MATERIALIZED (\n    SELECT l.id',
    replace:
      "  WITH careless AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS it), held AS MATERIALIZED (\n    SELECT (SELECT NULL FROM careless WHERE it = '') AS nothing, l.id",
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
    name: 'use-what-is-not-certain',
    file: `${METERING}/lease-book.ts`,
    find: "if (outcome === 'LOST' || outcome === 'UNKNOWN') retire(lease);",
    replace: "if (outcome === 'LOST') retire(lease);",
    tests: [LEASES],
  },
  // -- giving back ------------------------------------------------------------------------------------------------
  {
    name: 'release-twice',
    file: `${METERING}/lease-book.ts`,
    find: `      if (held.isOver) return;
      held.isOver = true;`,
    replace: '      held.isOver = true;',
    tests: [SETTLEMENT],
  },
  {
    name: 'do-not-release-what-failed',
    file: `${PREDICTIONS}/predict.ts`,
    find: 'if (!isSettled) await metering.release(pass.actor, reservation);',
    replace: 'void isSettled;',
    tests: [CORRIDOR],
  },
  {
    name: 'give-back-what-was-charged',
    file: QUOTA_LEASES,
    defines: 'return_quota',
    find: 'v_back := coalesce(p_units, v_lease.units - v_lease.charged);',
    replace: 'v_back := coalesce(p_units, v_lease.units);',
    tests: [SETTLEMENT, LEASES],
  },
  {
    name: 'do-not-sweep',
    file: `${METERING}/service.ts`,
    find: 'for (const { id, tenantId } of dead) if (await leases.end(tenantId, id)) swept += 1;',
    replace: 'void dead;',
    tests: [SETTLEMENT, TIME],
  },
  {
    name: 'sweep-the-living',
    file: `${METERING}/lease-store.ts`,
    find: 'WHERE expires_at <= $1 OR created_at < $2',
    replace: 'WHERE true OR expires_at <= $1 OR created_at < $2',
    tests: [SETTLEMENT, TIME],
  },
  {
    name: 'do-not-renew-what-runs',
    file: `${METERING}/lease-book.ts`,
    find: 'if (isDeaf || isOld)',
    replace: 'if (isDeaf)',
    tests: [LEASES],
  },
  {
    name: 'do-not-end-what-is-unused',
    file: `${METERING}/lease-book.ts`,
    find: 'if (isOver && lease.idle > 0)',
    replace: 'if (past.has(account) && lease.idle > 0)',
    tests: [LEASES],
  },
  // -- recalling --------------------------------------------------------------------------------------------------
  {
    name: 'do-not-recall',
    file: `${METERING}/lease-book.ts`,
    find: `    account.lease.isRecalled = true;
    worker.kick(account);`,
    replace: '    worker.kick(account);',
    tests: [LEASES],
  },
  {
    name: 'do-not-say-that-units-are-wanted',
    file: QUOTA_LEASES,
    defines: 'recall_leases',
    find: "PERFORM pg_notify('souk_quota_recall', p_tenant_id);",
    replace: 'NULL;',
    tests: [LEASES],
  },
  {
    name: 'refuse-while-units-are-idle',
    file: `${METERING}/lease-worker.ts`,
    find: 'batch.filter((one) => !isRecalling || nowMs >= one.patientUntilMs)',
    replace: 'batch',
    tests: [LEASES],
  },
  {
    name: 'do-not-recall-when-a-limit-changes',
    file: QUOTA_LEASES,
    find: 'CREATE TRIGGER tenant_plans_recall AFTER INSERT OR UPDATE OF predictions_per_month, weight ON tenant_plans',
    replace: 'CREATE TRIGGER tenant_plans_recall AFTER DELETE ON tenant_plans',
    tests: [LEASES],
  },
  // -- time -------------------------------------------------------------------------------------------------------
  {
    name: 'charge-to-the-wrong-month',
    file: `${METERING}/quota.ts`,
    find: 'end: utcMonth(year, month + 1) };',
    replace: 'end: new Date(utcMonth(year, month).getTime() + 30 * 86_400_000) };',
    tests: [TIME, REPORTS],
  },
  {
    name: 'draw-on-the-lease-of-last-month',
    file: `${METERING}/lease-book.ts`,
    find: 'account === undefined || account.period.start.getTime() !== now.start.getTime()',
    replace: 'account === undefined',
    tests: [TIME, REPORTS],
  },
  {
    name: 'date-an-event-outside-its-month',
    file: `${METERING}/quota.ts`,
    find: 'return new Date(Math.max(start.getTime(), Math.min(instant.getTime(), end.getTime() - 1)));',
    replace: 'return start < end ? instant : end;',
    tests: [TIME, REPORTS],
  },
  {
    name: 'keep-what-is-leased-from-the-future',
    file: `${METERING}/lease-store.ts`,
    find: ' OR expires_at > $4 ',
    replace: ' AND $4::timestamptz IS NOT NULL ',
    tests: [TIME],
  },
  {
    name: 'take-the-time-of-the-machine',
    file: 'src/app.ts',
    find: 'await clock.start();',
    replace: '',
    tests: [TWO_SERVERS],
    build: true,
  },
  // -- idempotency ------------------------------------------------------------------------------------------------
  {
    name: 'count-a-replay',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'charged: 0, replayed: true',
    replace: 'replayed: true',
    tests: [KEYS],
  },
  {
    name: 'lose-the-claim',
    file: `${PREDICTIONS}/store.ts`,
    find: 'AND (r.claim_expires_at <= $4 OR',
    replace: 'AND (true OR r.claim_expires_at <= $4 OR',
    tests: [KEYS],
  },
  {
    name: 'never-take-a-dead-claim-over',
    file: `${PREDICTIONS}/store.ts`,
    find: 'r.claim_expires_at <= $4 OR',
    replace: '',
    tests: [KEYS],
  },
  {
    name: 'record-under-a-claim-that-was-taken-over',
    file: `${PREDICTIONS}/store.ts`,
    find: 'AND claim_expires_at = $3 AND prediction_id IS NULL RETURNING key',
    replace: 'AND $3::timestamptz IS NOT NULL RETURNING key',
    tests: [KEYS],
  },
  {
    name: 'answer-another-request-under-the-key',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'if (answer.requestHash !== hash) return refuse([idempotencyMismatch()]);',
    replace: '',
    tests: [KEYS],
  },
  {
    name: 'answer-another-request-in-flight',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'if (flight.hash !== request.hash) return refuse([idempotencyMismatch()]);',
    replace: '',
    tests: [KEYS],
  },
  {
    name: 'keep-the-claim-of-what-failed',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'if (!isAnswered) {',
    replace: 'if (!isAnswered && claim.key === "") {',
    tests: [KEYS],
  },
  {
    name: 'forget-answers',
    file: `${PREDICTIONS}/store.ts`,
    find: 'SET prediction_id = $4, outputs = $5',
    replace: 'SET prediction_id = $4, outputs = CASE WHEN $5::bytea IS NULL THEN NULL END',
    tests: [KEYS],
  },
  // -- the ledger and its walls -----------------------------------------------------------------------------------
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
    name: 'count-the-usage-of-everybody',
    file: `${METERING}/usage-report.ts`,
    find: 'WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3',
    replace: 'WHERE $1::text IS NOT NULL AND created_at >= $2 AND created_at <= $3',
    tests: [TIME, REPORTS],
  },
];
