// Faults in what is granted, given back and recalled, and to which month it belongs.
const LEASES = 'test/integration/metering/leases.test.ts';
const SETTLEMENT = 'test/integration/metering/settlement.test.ts';
const REPORTS = 'test/integration/metering/reports.test.ts';
const TIME = 'test/integration/metering/time.test.ts';
const ADMISSION = 'test/integration/metering/admission.test.ts';
const CORRIDOR = 'test/integration/predictions/corridor.test.ts';
const TWO_SERVERS = 'test/e2e/two-servers.test.ts';
const QUOTA_LEASES = 'prisma/migrations/20261122000400_quota_leases/migration.sql';
const EXACT_QUOTA = 'prisma/migrations/20261121000200_exact_quota/migration.sql';
const METERING = 'src/domain/metering';
const PREDICTIONS = 'src/domain/predictions';

/** @type {import('./plant.mjs').Fault[]} */
export const LEASE_FAULTS = [
  // granting
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
  // giving back
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
  // recalling
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
  // time
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
];
