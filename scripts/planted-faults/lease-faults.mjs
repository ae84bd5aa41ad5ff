// Faults in what is granted, given back and recalled, and to which day and month it belongs.
const ADMISSION = 'test/integration/metering/admission.test.ts';
const HELD = 'test/integration/metering/held.test.ts';
const LEASES = 'test/integration/metering/leases.test.ts';
const REPORTS = 'test/integration/metering/reports.test.ts';
const SETTLEMENT = 'test/integration/metering/settlement.test.ts';
const TIME = 'test/integration/metering/time.test.ts';
const TIME_OF_LIMITS = 'test/integration/metering/time-limits.test.ts';
const TWO_SERVERS = 'test/e2e/two-servers.test.ts';

const LIMITS = 'prisma/migrations/20261124000300_limits/migration.sql';
const METERING = 'src/domain/metering';

/** @type {import('./plant.mjs').Fault[]} */
export const LEASE_FAULTS = [
  // granting
  {
    name: 'grant-more-than-is-left',
    file: LIMITS,
    defines: 'lease_quota',
    find: 'IF p_total[v_place] > v_left[v_place] + p_idle[v_place] THEN',
    replace: 'IF false THEN',
    tests: [ADMISSION],
  },
  {
    name: 'grant-some-more-than-is-left',
    file: LIMITS,
    defines: 'lease_quota',
    find: 'IF v_need[v_place] + v_one > v_left[v_place] + p_idle[v_place] THEN',
    replace: 'IF v_need[v_place] + v_one > v_left[v_place] + p_idle[v_place] + 1 THEN',
    tests: [ADMISSION],
  },
  {
    name: 'ignore-the-limit-of-the-tenant',
    file: LIMITS,
    defines: 'counts_under',
    find: "WHEN 'TENANT' THEN true",
    replace: "WHEN 'TENANT' THEN false",
    tests: [ADMISSION],
  },
  {
    name: 'ignore-the-limit-of-the-key',
    file: LIMITS,
    defines: 'counts_under',
    find: 'p_api_key_id IS NOT NULL AND p_limit.subject_id = p_api_key_id',
    replace: 'false',
    tests: [ADMISSION],
  },
  {
    name: 'forget-what-is-reserved',
    file: LIMITS,
    defines: 'lease_quota',
    find: 'v_one := greatest(0, v_amount - v_counter.used - v_counter.reserved);',
    replace: 'v_one := greatest(0, v_amount - v_counter.used);',
    tests: [ADMISSION],
  },
  {
    // Either lock covers for the other.
    name: 'do-not-lock-the-counters',
    file: LIMITS,
    defines: 'lock_tenant_quota',
    find: 'pg_advisory_xact_lock(hashtextextended(p_tenant_id, 5))',
    replace:
      'pg_advisory_xact_lock(hashtextextended(p_tenant_id || clock_timestamp()::text || random()::text, 5))',
    also: [
      {
        find: `    PERFORM lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, p_month);
    IF p_api_key_id IS NOT NULL THEN
        PERFORM lock_quota_counter(p_tenant_id, 'API_KEY', p_api_key_id, p_month);
    END IF;
    IF NOT p_is_new THEN`,
        replace: `    INSERT INTO quota_counters (tenant_id, subject, subject_id, period_start)
        SELECT p_tenant_id, s.subject, s.id, p_month FROM (VALUES ('TENANT', p_tenant_id), ('API_KEY', p_api_key_id)) s(subject, id)
        WHERE s.id IS NOT NULL ON CONFLICT DO NOTHING;
    IF NOT p_is_new THEN`,
      },
    ],
    tests: [ADMISSION, LEASES],
  },
  {
    name: 'forget-to-carry-over-what-was-charged',
    file: LIMITS,
    defines: 'carry_over',
    find: `UPDATE quota_counters c SET used = c.used + v_charged[1], reserved = c.reserved - v_charged[1] + p_more[1]
            WHERE c.subject = 'TENANT'`,
    replace: `UPDATE quota_counters c SET reserved = c.reserved - v_charged[1] + p_more[1]
            WHERE c.subject = 'TENANT'`,
    tests: [LEASES],
  },
  {
    name: 'forget-what-was-charged-under-a-limit',
    file: LIMITS,
    defines: 'carry_over',
    find: 'UPDATE limit_counters c SET used = c.used + v_charged[v_place],',
    replace: 'UPDATE limit_counters c SET used = c.used,',
    tests: [ADMISSION, LEASES],
  },
  {
    name: 'take-more-ahead-than-an-eighth',
    file: LIMITS,
    defines: 'lease_quota',
    find: '(v_left[v_place] - v_granted[v_place]) / 8)',
    replace: '(v_left[v_place] - v_granted[v_place]) * 2)',
    tests: [LEASES],
  },
  // giving back
  {
    name: 'release-twice',
    file: `${METERING}/lease-book.ts`,
    find: `    async release(reservation) {
      const held = reservation as HeldReservation;
      if (held.isOver) return;`,
    replace: `    async release(reservation) {
      const held = reservation as HeldReservation;`,
    tests: [HELD],
  },
  {
    name: 'give-back-what-was-charged',
    file: LIMITS,
    defines: 'return_quota',
    find: '-coalesce(p_back[v_place], greatest(0, v_held[v_place] - v_charged[v_place]));',
    replace: '-coalesce(p_back[v_place], v_held[v_place]);',
    tests: [SETTLEMENT, LEASES],
  },
  {
    name: 'do-not-sweep',
    file: `${METERING}/service.ts`,
    find: 'for (const { id, tenantId } of dead) if (await leases.end(tenantId, id, clock.now())) swept += 1;',
    replace: 'void dead;',
    tests: [SETTLEMENT],
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
    tests: [HELD],
  },
  {
    name: 'do-not-give-back-what-is-unused',
    file: `${METERING}/lease-book.ts`,
    find: 'if (isOver && hasIdle(lease))',
    replace: 'if (past.has(account) && hasIdle(lease))',
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
    file: LIMITS,
    defines: 'recall_leases',
    find: "PERFORM pg_notify('souk_quota_recall', p_tenant_id);",
    replace: 'NULL;',
    tests: [LEASES],
  },
  {
    name: 'refuse-while-units-are-idle',
    file: `${METERING}/lease-worker.ts`,
    find: '&& (!isRecalling || nowMs >= one.patientUntilMs));',
    replace: '&& nowMs >= 0);',
    tests: [LEASES],
  },
  {
    name: 'do-not-recall-when-a-limit-changes',
    file: LIMITS,
    find: 'AFTER INSERT OR DELETE OR UPDATE OF amount, enforcement ON quota_limits',
    replace: 'AFTER DELETE ON quota_limits',
    tests: [HELD],
  },
  {
    name: 'do-not-recall-when-a-plan-changes',
    file: LIMITS,
    defines: 'plan_to_limit',
    find: 'PERFORM recall_leases(NEW.tenant_id, NULL, NULL, NULL, NULL);',
    replace: 'NULL;',
    tests: [HELD],
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
    name: 'draw-on-the-lease-of-yesterday',
    file: `${METERING}/lease-book.ts`,
    find: 'account?.day !== today',
    replace: 'account === undefined',
    tests: [TIME],
  },
  {
    name: 'date-an-event-outside-its-month',
    file: `${METERING}/quota.ts`,
    find: 'return new Date(Math.max(start.getTime(), Math.min(instant.getTime(), end.getTime() - 1)));',
    replace: 'return start < end ? instant : end;',
    tests: [TIME, REPORTS],
  },
  {
    name: 'count-a-day-for-a-month',
    file: LIMITS,
    defines: 'window_start_of',
    find: "WHEN 'DAY' THEN p_day",
    replace: "WHEN 'DAY' THEN p_month",
    tests: [TIME_OF_LIMITS],
  },
  {
    name: 'never-fill-the-bucket-of-a-minute',
    file: LIMITS,
    defines: 'lease_quota',
    find: 'v_one := greatest(0, floor(v_amount - v_counter.level + 0.000001)::bigint);',
    replace: 'v_one := v_amount;',
    tests: [TIME_OF_LIMITS],
  },
  {
    name: 'keep-a-bucket-full-from-the-future',
    file: LIMITS,
    defines: 'open_limit_counter',
    find: "IF v_counter.level_at > p_now + INTERVAL '10 seconds' THEN",
    replace: 'IF false THEN',
    tests: [TIME_OF_LIMITS],
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
