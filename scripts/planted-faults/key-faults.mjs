// Faults in what an idempotency key promises.
const KEYS = 'test/integration/predictions/idempotency.test.ts';
const PREDICTIONS = 'src/domain/predictions';

/** @type {import('./plant.mjs').Fault[]} */
export const KEY_FAULTS = [
  {
    name: 'count-a-replay',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'charged: 0, cost, replayed: true',
    replace: 'cost, replayed: true',
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
    name: 'give-back-a-claim-that-was-taken-over',
    file: `${PREDICTIONS}/store.ts`,
    find: 'AND claim_expires_at = $3 AND created_at = $4 AND prediction_id IS NULL`,',
    replace: "AND $3 < $4::timestamptz + INTERVAL '1 year' AND prediction_id IS NULL`,",
    tests: [KEYS],
  },
  {
    name: 'owe-a-claim-for-ever',
    file: `${PREDICTIONS}/idempotency.ts`,
    find: 'for (const debt of [...owed.values()]) await payBack(debt);',
    replace:
      'if (owed.size > 0) await store.unclaim("", { key: "", expiresAt: new Date(0), madeAt: new Date(0) });',
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
];
