import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { periodOf, type Period } from '../metering/index.js';
import { createCloseStatements } from './close-statements.js';
import { invalidMonth, monthNotOver, type InvalidMonth, type MonthNotOver } from './errors.js';
import { readEarningsLinesAcrossTenants, readFrozenLines, readOpenLines } from './lines-store.js';
import { nameOfMonth, parseMonth } from './month.js';
import {
  earningsOf,
  newestFirst,
  openStatements,
  type Closing,
  type Earnings,
  type Statement,
} from './statement.js';
import {
  findFrozen,
  listFrozen,
  listUnclosedAcrossTenants,
  type FrozenStatement,
} from './statements-store.js';

export interface BillingDeps {
  readonly database: Transactions;
  /** For closings, which read a tenant's month at once: with patience. `database` when left away. */
  readonly maintenance?: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly log: Pick<Logger, 'warn'>;
}

export interface BillingService {
  /** The tenant's statements, the newest month first. Needs USAGE_READ. */
  statements(
    actor: TenantActor,
    input: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  ): Promise<Result<Page<Statement>, PermissionDenied | Refusal<'INVALID_INPUT'>>>;
  /** `null` when there is nothing on it. Needs USAGE_READ. */
  statement(
    actor: TenantActor,
    input: { readonly month: string; readonly currency: string },
  ): Promise<Result<Statement | null, PermissionDenied | InvalidMonth>>;
  /** What the tenant's models earned in a month, by currency. Needs GRANT_MANAGE. */
  earningsAcrossTenants(
    actor: TenantActor,
    month: string,
  ): Promise<Result<Earnings[], PermissionDenied | InvalidMonth>>;
  /** Closes a month that is over, and all before it, for all tenants. Needs PLATFORM_OPERATE. */
  closeStatementsAcrossTenants(
    actor: TenantActor,
    month: string,
  ): Promise<Result<Closing, PermissionDenied | InvalidMonth | MonthNotOver>>;
  /** Closes what ended at least so many days ago. To be called daily. Several servers may: each month is closed once. */
  closeDueAcrossTenants(afterDays: number): Promise<Closing>;
  /** Whether no statement will ask for the events of a month any more: it is closed for everybody, and the next one too. */
  mayRetireAcrossTenants(month: Date): Promise<boolean>;
}

const SORT = 'statements';
const DAY_MS = 86_400_000;
const CURRENCY = /^[A-Z]{3}$/;

export function createBillingService(deps: BillingDeps): BillingService {
  const { database, clock, audit } = deps;
  const closeThroughAcrossTenants = createCloseStatements({
    ...deps,
    database: deps.maintenance ?? database,
  });

  return Object.freeze<BillingService>({
    async statements(actor, input) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const page = parsePageRequest(SORT, 2, input, (key) => keyOf(key) !== null);
      if (!page.ok) return page;
      const after = page.value.after === null ? null : keyOf(page.value.after);
      const { tenantId } = actor;
      const limit = page.value.first + 1;
      const found = await database.sql({ tenantId }, async (query) => {
        const end = after === null ? latestMonth(clock.now()).end : after.month.end;
        const lines = await readOpenLines(query, tenantId, { start: EARLIEST, end });
        const open = openStatements(lines.map(({ line }) => line)).filter(
          (one) =>
            after === null ||
            newestFirst({ periodStart: after.month.start, currency: after.currency }, one) < 0,
        );
        const before = after === null ? null : { month: after.month.start, currency: after.currency };
        const frozen = await listFrozen(query, tenantId, before, limit);
        const shown = [...open, ...frozen].sort(newestFirst).slice(0, limit);
        const ids = shown.flatMap((one) => ('id' in one ? [one.id] : []));
        const linesOf = await readFrozenLines(query, tenantId, ids);
        return shown.map((one) => ('id' in one ? closedOf(one, linesOf) : one));
      });
      return ok(
        toPage(found, page.value, SORT, ({ periodStart, currency }) => [nameOfMonth(periodStart), currency]),
      );
    },

    async statement(actor, { month: text, currency }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const month = parseMonth(text);
      if (month === null) return refuse(invalidMonth());
      if (!CURRENCY.test(currency)) return ok(null);
      const { tenantId } = actor;
      return ok(
        await database.sql({ tenantId }, async (query) => {
          const frozen = await findFrozen(query, tenantId, month, currency);
          if (frozen !== null) return closedOf(frozen, await readFrozenLines(query, tenantId, [frozen.id]));
          const lines = await readOpenLines(query, tenantId, month);
          const open = openStatements(lines.map(({ line }) => line));
          return open.find((one) => one.currency === currency) ?? null;
        }),
      );
    },

    async earningsAcrossTenants(actor, text) {
      if (!can(actor, 'GRANT_MANAGE')) return refuse(permissionDenied(actor, 'GRANT_MANAGE'));
      const month = parseMonth(text);
      if (month === null) return refuse(invalidMonth());
      const { tenantId } = actor;
      const lines = await database.sql({ tenantId, acrossTenants: true }, (query) =>
        readEarningsLinesAcrossTenants(query, tenantId, month),
      );
      return ok(earningsOf(month.start, lines));
    },

    async closeStatementsAcrossTenants(actor, text) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const month = parseMonth(text);
      if (month === null) return refuse(invalidMonth());
      if (month.end > clock.now()) return refuse(monthNotOver(nameOfMonth(month.start), month.end));
      // Before, and apart: each tenant's closing is a transaction of its own, and leaves an event there.
      await database.transaction({ tenantId: actor.tenantId }, (tx) =>
        audit.record(tx, actor, {
          action: 'closeStatements',
          subjectId: null,
          details: { month: nameOfMonth(month.start) },
        }),
      );
      return ok(await closeThroughAcrossTenants(month, actor.requestId));
    },

    closeDueAcrossTenants(afterDays) {
      const thisMonth = periodOf(new Date(clock.now().getTime() - afterDays * DAY_MS));
      return closeThroughAcrossTenants(
        periodOf(new Date(thisMonth.start.getTime() - 1)),
        newId('request', clock.now().getTime()),
      );
    },

    mayRetireAcrossTenants(month) {
      // What is corrected in a month after its closing is billed with the next one.
      const next = periodOf(periodOf(month).end);
      return database.sql({ acrossTenants: true }, async (query) => {
        const [unclosed] = await listUnclosedAcrossTenants(query, next, '', 1);
        return unclosed === undefined;
      });
    },
  });
}

/** No partition begins before. */
const EARLIEST = new Date(0);

/** A server whose clock is ahead may have charged to the next month already. */
function latestMonth(now: Date): Period {
  return periodOf(periodOf(now).end);
}

function closedOf(
  { id, ...statement }: FrozenStatement,
  linesOf: Awaited<ReturnType<typeof readFrozenLines>>,
): Statement {
  return { ...statement, status: 'CLOSED', lines: linesOf.get(id) ?? [] };
}

/** A cursor is a client's text. */
function keyOf([month, currency]: readonly (string | number)[]): {
  readonly month: Period;
  readonly currency: string;
} | null {
  const period = typeof month === 'string' ? parseMonth(month) : null;
  return period === null || typeof currency !== 'string' || !CURRENCY.test(currency)
    ? null
    : { month: period, currency };
}
