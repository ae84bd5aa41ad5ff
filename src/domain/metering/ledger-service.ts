/** The ledger beside the charges: its sums, their upkeep, corrections, exports and retention. See README.md. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { invalidInput } from '../../lib/invalid-input.js';
import type { Logger } from '../../lib/logger.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { createCorrections, type CorrectionInput, type CorrectionRefusal } from './corrections.js';
import type { RefundInput, UsageCorrection } from './corrections.js';
import type { InvalidUsageInput } from './errors.js';
import { createLedgerStore, type UsageDifference } from './ledger-store.js';
import { periodOf } from './quota.js';
import { createMeteringStore } from './store.js';
import { eventsOf, type ExportedEvent } from './usage-export.js';
import { checkUsageInput } from './usage-input.js';
import type { Span } from './usage-span.js';

export interface RollupCheck {
  /** At most 100. Empty: the roll-ups are the events. */
  readonly differences: readonly UsageDifference[];
  /** Months of the range that were passed over, since their events were dropped. */
  readonly retiredMonths: readonly Date[];
}

export interface UsageExport {
  /** Begins to read when it is iterated, and ends when the iteration does. */
  readonly pages: AsyncIterable<readonly ExportedEvent[]>;
  readonly range: Span;
}

export type ExportRefusal =
  | PermissionDenied
  | InvalidUsageInput
  | Refusal<'GONE'>
  | (Refusal<'RATE_LIMITED'> & { retryAfterMs: number });

export interface LedgerService {
  /** Whether the roll-ups are what the events add up to, in whole days (UTC). Needs PLATFORM_OPERATE. */
  checkUsageRollups(
    actor: TenantActor,
    input: { readonly range: Span },
  ): Promise<Result<RollupCheck, PermissionDenied | InvalidUsageInput>>;
  /** Makes the roll-ups of a month anew, and says from how many events. Needs PLATFORM_OPERATE. */
  rebuildUsageRollups(
    actor: TenantActor,
    input: { readonly month: Date },
  ): Promise<Result<number, PermissionDenied | Refusal<'CONFLICT'>>>;
  refundUsage(actor: TenantActor, input: RefundInput): Promise<Result<UsageCorrection, CorrectionRefusal>>;
  correctUsage(
    actor: TenantActor,
    input: CorrectionInput,
  ): Promise<Result<UsageCorrection, CorrectionRefusal>>;
  getCorrectionsByPredictionIds(
    actor: TenantActor,
    predictionIds: readonly string[],
  ): Promise<(readonly UsageCorrection[] | null)[]>;
  /** The tenant's events of a span, the current month when absent. Needs USAGE_READ. */
  exportUsage(
    actor: TenantActor,
    input: { readonly range: Span | null },
  ): Promise<Result<UsageExport, ExportRefusal>>;
  /** Moves what was charged into the ledger's table and the roll-ups; returns how many deltas. */
  foldAcrossTenants(): Promise<number>;
  /** Makes the partitions of this month and the next two; returns how many were not there. */
  ensurePartitions(): Promise<number>;
  /** Drops the events of months older than the retention; returns those months. */
  retireMonthsAcrossTenants(): Promise<readonly Date[]>;
}

export interface LedgerDeps {
  readonly database: Transactions;
  /** For statements that read a month at once: with patience. `database` when left away. */
  readonly maintenance?: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Whole months before the current one whose events are kept; `null`: all, for ever. */
  readonly retentionMonths?: number | null;
  /** Whether a month's events may go as far as others are concerned: its statements are closed. */
  readonly mayRetire?: (month: Date) => Promise<boolean>;
}

const MONTHS_AHEAD = 2;
const MAX_DIFFERENCES = 100;
const MAX_EXPORTS_PER_TENANT = 2;
const DAY_MS = 86_400_000;

export function createLedgerService(deps: LedgerDeps): LedgerService {
  const { database, clock, audit, log, retentionMonths = null } = deps;
  const maintenance = deps.maintenance ?? database;
  const store = createLedgerStore(database);
  const patientStore = createLedgerStore(maintenance);
  const corrections = createCorrections({ database, clock, audit, store: createMeteringStore() });
  const exportsOf = new Map<string, number>();

  async function* counted(
    tenantId: string,
    range: Span,
  ): AsyncGenerator<readonly ExportedEvent[], void, void> {
    const running = exportsOf.get(tenantId) ?? 0;
    exportsOf.set(tenantId, running + 1);
    try {
      yield* eventsOf(database, tenantId, range);
    } finally {
      const left = (exportsOf.get(tenantId) ?? 1) - 1;
      if (left === 0) exportsOf.delete(tenantId);
      else exportsOf.set(tenantId, left);
    }
  }

  return Object.freeze<LedgerService>({
    async checkUsageRollups(actor, { range }) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const question = checkUsageInput({ range }, clock.now());
      if (!question.ok) return question;
      const { from, to } = question.value;
      if (from.getTime() % DAY_MS !== 0 || to.getTime() % DAY_MS !== 0) {
        return refuse(invalidInput(['range'], 'The range begins and ends at the start of a day (UTC).'));
      }
      const retiredMonths = await store.listRetiredMonths(from, to);
      const differences: UsageDifference[] = [];
      for (const month of monthsOf({ from, to })) {
        if (retiredMonths.some((retired) => retired.getTime() === month.start.getTime())) continue;
        const most = MAX_DIFFERENCES - differences.length;
        if (most === 0) break;
        const first = new Date(Math.max(from.getTime(), month.start.getTime()));
        const last = new Date(Math.min(to.getTime(), month.end.getTime()));
        differences.push(...(await patientStore.checkRollupsAcrossTenants(first, last, most)));
      }
      return ok({ differences, retiredMonths });
    },

    async rebuildUsageRollups(actor, input) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const month = periodOf(input.month).start;
      const events = await maintenance.sql({}, (query) =>
        patientStore.rebuildMonthAcrossTenants(query, month),
      );
      if (events === null) {
        const message = `The events of ${month.toISOString().slice(0, 7)} were dropped by the retention of this server; its roll-ups are all that is left, and stay.`;
        return refuse({ code: 'CONFLICT', message, path: ['month'] });
      }
      await database.transaction({ tenantId: actor.tenantId }, (tx) =>
        audit.record(tx, actor, {
          action: 'rebuildUsageRollups',
          subjectId: null,
          details: { month: month.toISOString().slice(0, 7), events },
        }),
      );
      return ok(events);
    },

    refundUsage: corrections.refundUsage,
    correctUsage: corrections.correctUsage,
    getCorrectionsByPredictionIds: corrections.getCorrectionsByPredictionIds,

    async exportUsage(actor, { range }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const question = checkUsageInput({ range }, clock.now());
      if (!question.ok) return question;
      const span = { from: question.value.from, to: question.value.to };
      const retired = await store.listRetiredMonths(span.from, span.to);
      const newest = retired.at(-1);
      if (newest !== undefined) {
        const from = periodOf(newest).end.toISOString();
        return refuse({
          code: 'GONE',
          message: `Events before ${from} were dropped by the retention of this server; let from be ${from} or later.`,
          path: ['from'],
        });
      }
      if ((exportsOf.get(actor.tenantId) ?? 0) >= MAX_EXPORTS_PER_TENANT) {
        return refuse({
          code: 'RATE_LIMITED',
          message: `The tenant already has ${MAX_EXPORTS_PER_TENANT} exports running, the most at one time.`,
          retryAfterMs: 5_000,
        });
      }
      return ok({ pages: counted(actor.tenantId, span), range: span });
    },

    foldAcrossTenants: () => store.foldAcrossTenants(),

    async ensurePartitions() {
      let made = 0;
      let month = periodOf(clock.now());
      for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead++) {
        if (await store.ensurePartition(month.start)) made += 1;
        month = periodOf(month.end);
      }
      return made;
    },

    async retireMonthsAcrossTenants() {
      if (retentionMonths === null) return [];
      const now = clock.now();
      const kept = monthBefore(periodOf(now).start, retentionMonths);
      const retired: Date[] = [];
      for (const month of await store.listMonthsBeforeAcrossTenants(kept)) {
        if (deps.mayRetire !== undefined && !(await deps.mayRetire(month))) continue;
        const outcome = await patientStore.retireMonthAcrossTenants(month, now);
        const name = month.toISOString().slice(0, 7);
        if (outcome === 'RETIRED') {
          retired.push(month);
          log.info({ month: name }, 'The usage events of a month were dropped, as the retention says.');
        } else if (outcome === 'UNEQUAL') {
          log.warn(
            { month: name },
            'The usage events of a month are kept, since its roll-ups are not their sums; rebuildUsageRollups mends them.',
          );
        }
      }
      return retired;
    },
  });
}

function monthsOf({ from, to }: Span) {
  const months = [];
  for (let month = periodOf(from); month.start < to; month = periodOf(month.end)) months.push(month);
  return months;
}

function monthBefore(start: Date, months: number): Date {
  const before = new Date(start);
  before.setUTCMonth(before.getUTCMonth() - months);
  return before;
}
