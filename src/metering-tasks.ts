/** What metering and billing do without being asked: started in this order, stopped in the reverse one. */
import type { Database } from './database/index.js';
import type { DomainServices } from './domain-services.js';
import { LeaseKeeper, QUOTA_RECALL_CHANNEL, QUOTA_THRESHOLD_CHANNEL } from './domain/metering/index.js';
import type { Logger } from './lib/logger.js';
import { RepeatingTask, type RepeatingTaskOptions } from './lib/repeating-task.js';
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
  // Its first time is awaited: a server that was killed starts with its quotas whole.
  await startTask('lease sweeper', tasks, {
    what: 'give back what dead processes leased',
    work: async () => {
      const swept = await metering.sweepLeasesAcrossTenants();
      if (swept > 0) log.info({ swept }, 'What dead processes had leased was given back.');
    },
    everyMs: SWEEP_EVERY_MS,
  });

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

  await startTask('claims', tasks, {
    what: 'give back claims on idempotency keys',
    work: () => predictions.giveBackClaimsAcrossTenants(),
    everyMs: CLAIMS_EVERY_MS,
  });
  const partitions = startLedger(ledger, tasks);
  if (closeStatementsAfterDays !== null) {
    // After the leases: what dead processes held is given back by then, so that it holds up no closing. In the background:
    // a month that is closed late is closed all the same.
    void startTask('statements', tasks, {
      what: 'close statements',
      work: async () => {
        const { closedStatements } = await billing.closeDueAcrossTenants(closeStatementsAfterDays);
        if (closedStatements > 0) log.info({ closedStatements }, 'Statements were closed.');
      },
      everyMs: DAY_MS,
    });
  }
  // Before the first prediction is charged.
  await partitions;
}

/** Resolves when there are partitions. */
function startLedger(ledger: DomainServices['ledger'], tasks: MeteringTasks): Promise<void> {
  const startPart = (what: string, everyMs: number, work: () => Promise<unknown>) =>
    startTask('ledger', tasks, { what, work, everyMs, retryMs: Math.min(everyMs, UPKEEP_RETRY_MS) });
  const partitions = startPart('make partitions', DAY_MS, () => ledger.ensurePartitions());
  void startPart('fold usage', FOLD_EVERY_MS, () => ledger.foldAcrossTenants());
  void startPart('retire months', DAY_MS, () => ledger.retireMonthsAcrossTenants());
  return partitions;
}

/** Stopped with the server. Resolves after its first time. */
function startTask(
  name: string,
  { stops, stopMs, log }: MeteringTasks,
  options: Omit<RepeatingTaskOptions, 'log'>,
): Promise<void> {
  const task = new RepeatingTask({ ...options, log });
  stops.add(name, stopMs, () => task.stop());
  return task.start();
}
