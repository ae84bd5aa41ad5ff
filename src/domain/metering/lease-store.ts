/** Leases in the database. What they mean, and the order of locks, is in the migration `quota_leases`. */
import type { TransactionContext, Transactions } from '../../database/index.js';
import { LEASE_MS } from './lease.js';
import type { Period, QuotaSubject } from './quota.js';

export interface LeaseRequest {
  readonly leaseId: string;
  readonly apiKeyId: string | null;
  readonly period: Period;
  /** Else the lease is extended. */
  readonly isNew: boolean;
  /** Units that predictions wait for. */
  readonly asked: number;
  /** The smallest of their claims. */
  readonly smallest: number;
  /** Units beyond those, for predictions to come. */
  readonly ahead: number;
  readonly expiresAt: Date;
  readonly now: Date;
}

/** By whose limit fewer were granted than asked. */
export interface Shortage {
  readonly subject: QuotaSubject;
  readonly limit: number;
  readonly used: number;
  /** Others were asked to give back what is idle: ask again in a moment. */
  readonly isRecalling: boolean;
}

export interface LeaseAnswer {
  /** `null`: the lease that was to be extended is gone. */
  readonly granted: number | null;
  /** Left under the tightest limit after this; `null`: unlimited. */
  readonly room: number | null;
  /** The tenant's share of the pool. */
  readonly weight: number;
  /** More than asked for was granted. */
  readonly isLoose: boolean;
  /** Others want what this lease has idle. */
  readonly isRecalled: boolean;
  readonly shortage: Shortage | null;
}

export interface DeadLease {
  readonly id: string;
  readonly tenantId: string;
}

interface LeaseRow {
  readonly granted: number | null;
  readonly room: number | null;
  readonly weight: number;
  readonly isLoose: boolean;
  readonly subject: QuotaSubject | null;
  readonly limit: number;
  readonly used: number;
  readonly isRecalling: boolean;
}

const ACROSS_TENANTS: TransactionContext = { acrossTenants: true };
/** By how much the clocks of two servers may differ. With a sweep every 10 s, a lease is over within 60 s all the same. */
const CLOCK_MARGIN_MS = 10_000;

export function createLeaseStore(database: Transactions) {
  return Object.freeze({
    async lease(tenantId: string, request: LeaseRequest): Promise<LeaseAnswer> {
      const { leaseId, apiKeyId, period, isNew, asked, smallest, ahead, expiresAt, now } = request;
      const [row] = await database.single({ tenantId })<LeaseRow>(
        `SELECT granted::float8, room::float8, weight, is_loose AS "isLoose", subject,
           quota_limit::float8 AS "limit", used::float8, is_recalling AS "isRecalling"
         FROM lease_quota($2, $1, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [tenantId, leaseId, apiKeyId, period.start, isNew, asked, smallest, ahead, expiresAt, now],
      );
      if (row === undefined) throw new Error('lease_quota returned no row.');
      const { granted, room, weight, isLoose, subject, limit, used, isRecalling } = row;
      const shortage = subject === null ? null : { subject, limit, used, isRecalling };
      const isRecalled = shortage === null && isRecalling;
      return { granted, room, weight, isLoose, isRecalled, shortage };
    },

    /** Gives idle units back. `isLoose`: there may be more of them. `false`: the lease is gone. */
    async giveBack(tenantId: string, leaseId: string, units: number, isLoose: boolean): Promise<boolean> {
      return returned(
        await database.single({ tenantId })<{ returned: boolean }>(
          'SELECT return_quota($1, $2, $3, $4) AS returned',
          [tenantId, leaseId, units, isLoose],
        ),
      );
    },

    /** Ends a lease and gives back all that it did not charge. `false`: it had ended before. */
    async end(tenantId: string, leaseId: string): Promise<boolean> {
      return returned(
        await database.single({ tenantId })<{ returned: boolean }>(
          'SELECT return_quota($1, $2, NULL, false) AS returned',
          [tenantId, leaseId],
        ),
      );
    },

    /**
     * Leases past their time, those made before `othersDiedBefore` if that is given, and those that are good for longer
     * than any lease can be: the clock was put back since, and waiting for their time would hold their units for as long.
     */
    listDeadAcrossTenants(now: Date, othersDiedBefore: Date | null, limit: number): Promise<DeadLease[]> {
      return database.single(ACROSS_TENANTS)<DeadLease>(
        `SELECT id, tenant_id AS "tenantId" FROM quota_leases
         WHERE expires_at <= $1 OR created_at < $2 OR expires_at > $4 ORDER BY expires_at LIMIT $3`,
        [now, othersDiedBefore, limit, new Date(now.getTime() + LEASE_MS + CLOCK_MARGIN_MS)],
      );
    },

    /** Whether a holder was asked to give back lately and has not answered. */
    async isAwaitingRecall(tenantId: string): Promise<boolean> {
      const rows = await database.single({ tenantId })(
        `SELECT 1 FROM quota_leases WHERE tenant_id = $1 AND is_loose
           AND recalled_at > clock_timestamp() - INTERVAL '1 second' LIMIT 1`,
        [tenantId],
      );
      return rows.length > 0;
    },
  });
}

export type LeaseStore = ReturnType<typeof createLeaseStore>;

function returned(rows: readonly { readonly returned: boolean }[]): boolean {
  return rows[0]?.returned === true;
}
