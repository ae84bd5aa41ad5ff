/** What metering and billing do without being asked: started in this order, stopped in the reverse one. */
import type { Database } from './database/index.js';
import type { DomainServices } from './domain-services.js';
import { StatementCloser } from './domain/billing/index.js';
import {
  LeaseKeeper,
  LeaseSweeper,
  LedgerKeeper,
  QUOTA_RECALL_CHANNEL,
  QUOTA_THRESHOLD_CHANNEL,
} from './domain/metering/index.js';
import type { Logger } from './lib/logger.js';
import type { StopList } from './lib/stop-list.js';

// A lease is good for 40 s, so what a dead process held is free again within 50 s.
const SWEEP_EVERY_MS = 10_000;
// What nothing was drawn on for half a second is back within a second.
const TEND_LEASES_EVERY_MS = 250;
// What was charged is in the roll-ups a second later; until then it is summed from the deltas.
const FOLD_EVERY_MS = 1_000;
// A second after the database is back, no key waits for a request that it made fail.
const CLAIMS_EVERY_MS = 1_000;
const DAY_MS = 86_400_000;
const UPKEEP_RETRY_MS = 60_000;

export interface MeteringTasks {
  readonly database: Database;
  readonly log: Logger;
  readonly stops: StopList;
  /** How long each may take to stop. */
  readonly stopMs: number;
  /** `null`: only when an operator asks. */
  readonly closeStatementsAfterDays: number | null;
}

type Services = Pick<DomainServices, 'metering' | 'ledger' | 'billing' | 'predictions'>;

/** Resolves when predictions may be charged. */
export async function startMetering(
  { metering, ledger, billing, predictions }: Services,
  tasks: MeteringTasks,
): Promise<void> {
  const { database, log, stops, stopMs, closeStatementsAfterDays } = tasks;
  const sweeper = new LeaseSweeper({
    sweep: () => metering.sweepLeasesAcrossTenants(),
    everyMs: SWEEP_EVERY_MS,
    log,
  });
  await sweeper.start();
  stops.add('lease sweeper', stopMs, () => sweeper.stop());

  const keeper = new LeaseKeeper({
    tend: () => metering.tendLeases(),
    giveBackIdle: () => metering.giveBackIdle(),
    everyMs: TEND_LEASES_EVERY_MS,
  });
  keeper.start();
  stops.add('leases', stopMs, () => keeper.stop());

  const listeners = [
    database.listener(QUOTA_RECALL_CHANNEL, (tenantId) => void metering.heedRecall(tenantId)),
    // For whoever watches the logs; `quotaThresholds` lists them. Every server says it.
    database.listener(QUOTA_THRESHOLD_CHANNEL, (threshold) => {
      log.info({ threshold: JSON.parse(threshold) as unknown }, 'a limit has come to a threshold');
    }),
  ];
  for (const listener of listeners) {
    stops.add('listener', stopMs, () => listener.stop());
    await listener.start();
  }

  const claims = new LedgerKeeper({
    what: 'give back claims on idempotency keys',
    work: () => predictions.giveBackClaims(),
    everyMs: CLAIMS_EVERY_MS,
    log,
  });
  stops.add('claims', stopMs, () => claims.stop());
  await claims.start();
  const [partitions] = startLedger(ledger, tasks);
  if (closeStatementsAfterDays !== null) {
    // After the leases: what dead processes held is given back by then, so that it holds up no closing.
    const closer = new StatementCloser({
      close: () => billing.closeDueAcrossTenants(closeStatementsAfterDays),
      everyMs: DAY_MS,
      log,
    });
    stops.add('statements', stopMs, () => closer.stop());
    closer.start();
  }
  // Before the first prediction is charged.
  await partitions;
}

/** The first of each; the partitions' comes first. */
function startLedger(
  ledger: DomainServices['ledger'],
  { log, stops, stopMs }: MeteringTasks,
): Promise<void>[] {
  const keepers = [
    { what: 'make partitions', work: () => ledger.ensurePartitions(), everyMs: DAY_MS },
    { what: 'fold usage', work: () => ledger.foldAcrossTenants(), everyMs: FOLD_EVERY_MS },
    { what: 'retire months', work: () => ledger.retireMonthsAcrossTenants(), everyMs: DAY_MS },
  ].map((one) => new LedgerKeeper({ retryMs: Math.min(one.everyMs, UPKEEP_RETRY_MS), log, ...one }));
  for (const keeper of keepers) stops.add('ledger', stopMs, () => keeper.stop());
  return keepers.map((keeper) => keeper.start());
}
