/**
 * Closing: for each tenant, month after month in order, what the ledger says becomes rows that never change. One
 * transaction for a tenant and month, under a lock that also keeps leases of that month from being made, so nothing is
 * charged to it afterwards. What the rows add up to is compared with the ledger before the commit.
 */
import type { SqlQuery, Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { AuditService } from '../audit/index.js';
import { periodOf, type Period } from '../metering/index.js';
import { readOpenLines } from './lines-store.js';
import { monthsThrough, nameOfMonth } from './month.js';
import { inOrder, openStatements, type Closing } from './statement.js';
import * as store from './statements-store.js';

export interface CloseStatementsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Not now: predictions of the month still run, or the ledger moved between two looks. */
interface NotYet {
  readonly code: 'NOT_YET';
  readonly message: string;
}

const TENANTS_AT_ONCE = 500;
/** Corrections that come in while a month is closed are seen by one look and not by the other; then it looks again. */
const ATTEMPTS = 3;

/** Returns `closeThrough`: closes a month, and those before it, for all tenants. The caller knows that it is over. */
export function createCloseStatements(deps: CloseStatementsDeps) {
  const { database, clock, audit, log } = deps;

  /** @returns how many statements were frozen; `null`: the month was closed before */
  function closeMonth(
    tenantId: string,
    month: Period,
    requestId: string,
  ): Promise<Result<number | null, NotYet>> {
    return database.transaction<Result<number | null, NotYet>>({ tenantId }, async (tx) => {
      const query = queryOf(tx);
      await store.lockStatements(query, tenantId);
      const { isClosed, isLeased } = await store.stateOfMonth(query, tenantId, month);
      if (isClosed) return ok(null);
      if (isLeased)
        return refuse(notYet('Predictions of the month still run, or units of it are still leased.'));
      const closedAt = clock.now();
      const open = await readOpenLines(query, tenantId, month);
      const correctionsOf = new Map(open.map(({ line, correctionIds }) => [line, correctionIds]));
      const statements = openStatements(open.map(({ line }) => line));
      await store.insertClosing(query, tenantId, month, closedAt);
      // By currency, so that their numbers do not depend on the amounts.
      for (const { currency, amountMicros, lines } of statements.reverse()) {
        const id = newId('statement', closedAt.getTime());
        const corrections = lines.flatMap((line) =>
          (correctionsOf.get(line) ?? []).map((eventId): [string, string] => [eventId, line.ownerTenantId]),
        );
        const statement = { id, periodStart: month.start, currency, amountMicros, closedAt };
        await store.insertStatement(query, tenantId, statement, inOrder(lines), new Map(corrections));
        await audit.record(
          tx,
          { tenantId, requestId },
          {
            action: 'closeStatement',
            subjectId: id,
            details: { month: nameOfMonth(month.start), currency, amountMicros },
          },
        );
      }
      const differences = await store.findDifferences(query, tenantId, month);
      if (differences.length > 0) {
        return refuse(notYet(`The ledger moved: ${differences.map(({ currency }) => currency).join(', ')}.`));
      }
      return ok(statements.length);
    });
  }

  async function tryMonth(tenantId: string, month: Period, requestId: string) {
    for (let attempt = 1; ; attempt++) {
      const closed = await closeMonth(tenantId, month, requestId);
      if (closed.ok || attempt === ATTEMPTS) return closed;
    }
  }

  return async function closeThroughAcrossTenants(through: Period, requestId: string): Promise<Closing> {
    let [closedMonths, closedStatements, waitingTenants] = [0, 0, 0];
    for (let after = ''; ;) {
      const unclosed = await database.sql({ acrossTenants: true }, (query) =>
        store.listUnclosedAcrossTenants(query, through, after, TENANTS_AT_ONCE),
      );
      for (const { tenantId, since, closed } of unclosed) {
        const first =
          closed === null
            ? periodOf(new Date(since.getTime() - store.CLOCKS_APART_MS))
            : periodOf(periodOf(closed).end);
        for (const month of monthsThrough(first, through)) {
          const done = await tryMonth(tenantId, month, requestId);
          if (!done.ok) {
            waitingTenants += 1;
            log.warn(
              { tenantId, month: nameOfMonth(month.start), reason: done.error.message },
              'The statements of a month could not be closed yet.',
            );
            // Later months wait for it: what is corrected in it must have a place.
            break;
          }
          if (done.value === null) continue;
          closedMonths += 1;
          closedStatements += done.value;
        }
      }
      if (unclosed.length < TENANTS_AT_ONCE) break;
      after = unclosed.at(-1)?.tenantId ?? '';
    }
    return { periodStart: through.start, closedMonths, closedStatements, waitingTenants };
  };
}

function notYet(message: string): NotYet {
  return { code: 'NOT_YET', message };
}

/** The statements of this room in a transaction in which audit events are written too. */
function queryOf(tx: Tx): SqlQuery {
  return <Row extends object>(text: string, parameters: readonly unknown[]) =>
    tx.$queryRawUnsafe<Row[]>(text, ...parameters);
}
