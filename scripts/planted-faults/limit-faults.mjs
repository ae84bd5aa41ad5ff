// Faults in limits of other measures, subjects and windows than predictions a month.
const LIMIT_TESTS = 'test/integration/metering/limits.test.ts';
const TIME_OF_LIMITS = 'test/integration/metering/time-limits.test.ts';
const LIMITS = 'prisma/migrations/20261124000300_limits/migration.sql';

/** @type {import('./plant.mjs').Fault[]} */
export const LIMIT_FAULTS = [
  {
    name: 'ignore-the-limit-of-a-subscription',
    file: LIMITS,
    defines: 'counts_under',
    find: 'ELSE p_subscription_id IS NOT NULL AND p_limit.subject_id = p_subscription_id',
    replace: 'ELSE false',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'count-other-models-under-the-cap-of-one',
    file: LIMITS,
    defines: 'counts_under',
    find: 'p_limit.model_id IS NULL OR p_limit.model_id IS NOT DISTINCT FROM p_model_id',
    replace: 'true',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'count-other-currencies',
    file: LIMITS,
    defines: 'counts_under',
    find: 'p_limit.currency IS NULL OR p_limit.currency IS NOT DISTINCT FROM p_currency',
    replace: 'true',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'count-milliseconds-for-microseconds',
    file: LIMITS,
    defines: 'counted_amount',
    find: 'p_limit.amount * 1000',
    replace: 'p_limit.amount',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'enforce-what-is-soft',
    file: LIMITS,
    defines: 'lease_quota',
    find: "ELSIF v_limit.enforcement = 'HARD' THEN",
    replace: 'ELSIF true THEN',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'forget-a-threshold',
    file: LIMITS,
    defines: 'raise_thresholds',
    find: 'CONTINUE WHEN p_used::numeric * 100 < v_amount * v_percent;',
    replace: 'CONTINUE WHEN p_used::numeric * 100 <= v_amount * v_percent;',
    tests: [TIME_OF_LIMITS],
  },
  {
    name: 'begin-a-limit-at-nothing',
    file: LIMITS,
    defines: 'open_limit_counter',
    find: 'v_counter.used := charged_under(p_limit, p_window_start) - v_leased.charged;',
    replace: 'v_counter.used := 0;',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'give-a-place-in-the-month-twice',
    file: LIMITS,
    defines: 'take_ordinals',
    find: 'SET free = o.free - v_taken',
    replace: 'SET free = o.free',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'lose-the-place-of-what-failed',
    file: LIMITS,
    defines: 'return_quota',
    find: 'SET free = o.free + v_ordinals',
    replace: 'SET free = o.free',
    tests: [LIMIT_TESTS],
  },
  {
    name: 'keep-a-place-among-the-running',
    file: 'src/domain/metering/measures.ts',
    find: 'return [claim.predictions, claim.rows, claim.bytes, claim.computeUs, claim.costMicros, 1];',
    replace: 'return [claim.predictions, claim.rows, claim.bytes, claim.computeUs, claim.costMicros, 0];',
    tests: [LIMIT_TESTS],
  },
];
