// Faults in prices and statements.
const STATEMENTS = 'test/integration/billing/statements.test.ts';
const PRICES = 'test/unit/marketplace/price.test.ts';

const BILLING = 'prisma/migrations/20261124000400_billing/migration.sql';

const INCLUDED = 'prisma/migrations/20261124000710_included_limits/migration.sql';

/** @type {import('./plant.mjs').Fault[]} */
export const BILLING_FAULTS = [
  {
    name: 'keep-the-limits-of-a-cancelled-plan',
    file: INCLUDED,
    defines: 'subscription_to_limits',
    find: 'IF NEW.cancelled_at IS NULL THEN',
    replace: 'IF true THEN',
    tests: ['test/integration/predictions/priced.test.ts'],
  },
  {
    name: 'ask-for-the-last-free-one',
    file: 'src/domain/marketplace/price.ts',
    find: 'if (ordinal <= terms.freePredictionsPerMonth) return 0;',
    replace: 'if (ordinal < terms.freePredictionsPerMonth) return 0;',
    tests: [PRICES],
  },
  {
    name: 'begin-a-tier-one-late',
    file: 'src/domain/marketplace/price.ts',
    find: 'if (ordinal < tier.from) break;',
    replace: 'if (ordinal <= tier.from) break;',
    tests: [PRICES],
  },
  {
    name: 'round-compute-down',
    file: 'src/domain/marketplace/price.ts',
    find: '(product - rest) / US_PER_SECOND + (rest > 0 ? 1 : 0)',
    replace: '(product - rest) / US_PER_SECOND',
    tests: [PRICES],
  },
  {
    name: 'close-a-month-that-still-runs',
    file: 'src/domain/billing/close-statements.ts',
    find: 'if (isLeased)',
    replace: 'if (isLeased && isClosed)',
    tests: [STATEMENTS],
  },
  {
    name: 'close-twice-at-once',
    file: 'src/domain/billing/close-statements.ts',
    find: 'await store.lockStatements(query, tenantId);',
    replace: '',
    tests: [STATEMENTS],
  },
  {
    name: 'close-without-comparing',
    file: 'src/domain/billing/close-statements.ts',
    find: 'if (differences.length > 0) {',
    replace: 'if (differences.length > 1_000) {',
    tests: [STATEMENTS],
  },
  {
    name: 'bill-a-correction-twice',
    file: 'src/domain/billing/lines-store.ts',
    find: 'AND NOT EXISTS (SELECT 1 FROM billed_corrections b WHERE b.event_id = u.id)',
    replace: '',
    tests: [STATEMENTS],
  },
  {
    name: 'change-a-closed-statement',
    file: BILLING,
    find: 'CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %I',
    replace: 'CREATE TRIGGER frozen BEFORE TRUNCATE ON %I',
    tests: [STATEMENTS],
  },
  {
    name: 'charge-to-a-closed-month',
    file: BILLING,
    defines: 'refuse_lease_in_closed_month',
    find: 'WHERE c.tenant_id = NEW.tenant_id AND c.period_start = NEW.period_start',
    replace: 'WHERE c.tenant_id = NEW.tenant_id AND c.period_start = NEW.period_start AND false',
    tests: [STATEMENTS],
  },
];
