/** Leases in the database. What they mean, and the order of locks, is in the migrations `quota_leases` and `limits`. */
import type { TransactionContext, Transactions } from '../../database/index.js';
import type { AccountFacts } from './lease-account.js';
import { LEASE_MS } from './lease.js';
import type { LimitState } from './limit.js';
import { addAmounts, noAmounts, placesIn, toSqlArray, type Amounts } from './measures.js';
import { formatOrdinals, parseOrdinals, type Ordinals } from './ordinals.js';

export interface LeaseRequest {
  readonly leaseId: string;
  readonly account: AccountFacts;
  /** Else the lease is extended. */
  readonly isNew: boolean;
  /** Of predictions that wait, in their order. */
  readonly claims: readonly Amounts[];
  /** What the lease has beside. */
  readonly idle: Amounts;
  /** Beyond the claims, for predictions to come. */
  readonly ahead: Amounts;
  readonly expiresAt: Date;
  readonly now: Date;
}

/**
 * GONE: the lease that was to be extended is not there any more. STALE: other limits count now than those under which it
 * was granted. SHORT: not all claims were granted.
 */
export type LeaseAnswer =
  | { readonly state: 'GONE' | 'STALE' }
  | {
      readonly state: 'GRANTED' | 'SHORT';
      readonly granted: Amounts;
      /** Places of the measures, beside predictions, of which the lease holds what is charged. */
      readonly limited: readonly number[];
      /** Predictions left under the tightest limit after this; `null`: unlimited. */
      readonly room: number | null;
      /** The tenant's share of the pool. */
      readonly weight: number;
      /** More than asked for was granted. */
      readonly isLoose: boolean;
      /** GRANTED: others want what this lease has idle. SHORT: others were asked to give back; ask again in a moment. */
      readonly isRecalling: boolean;
      readonly ordinals: Ordinals | null;
      readonly limits: readonly LimitState[];
    };

export interface DeadLease {
  readonly id: string;
  readonly tenantId: string;
}

interface LeaseRow {
  readonly state: 'GRANTED' | 'SHORT' | 'GONE' | 'STALE';
  readonly granted: number[];
  readonly measures: number;
  readonly room: number | null;
  readonly weight: number;
  readonly isLoose: boolean;
  readonly isRecalling: boolean;
  readonly ordinals: string | null;
  readonly limits: LimitState[];
}

const ACROSS_TENANTS: TransactionContext = { acrossTenants: true };
/** By how much the clocks of two servers may differ. With a sweep every 10 s, a lease is over within 60 s all the same. */
const CLOCK_MARGIN_MS = 10_000;

export function createLeaseStore(database: Transactions) {
  return Object.freeze({
    async lease(request: LeaseRequest): Promise<LeaseAnswer> {
      const { leaseId, account, isNew, claims, idle, ahead, expiresAt, now } = request;
      const { tenantId, apiKeyId, modelId, subscription, period, day } = account;
      const total = noAmounts();
      for (const claim of claims) addAmounts(total, claim);
      const [row] = await database.single({ tenantId })<LeaseRow>(
        `SELECT state, granted::float8[], measures, room::float8, weight, is_loose AS "isLoose",
           is_recalling AS "isRecalling", ordinals::text, limits
         FROM lease_quota($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
        [
          tenantId,
          leaseId,
          apiKeyId,
          modelId,
          subscription?.id ?? null,
          subscription?.currency ?? null,
          period.start,
          day.start,
          isNew,
          `{${claims.map(toSqlArray).join(',')}}`,
          toSqlArray(total),
          toSqlArray(idle),
          toSqlArray(ahead),
          expiresAt,
          now,
        ],
      );
      if (row === undefined) throw new Error('lease_quota returned no row.');
      const { state, measures, ordinals, ...terms } = row;
      if (state === 'GONE' || state === 'STALE') return { state };
      return {
        state,
        ...terms,
        limited: placesIn(measures),
        ordinals: ordinals === null ? null : parseOrdinals(ordinals),
      };
    },

    /** Gives back what is idle. `isLoose`: there may be more of it. `false`: the lease is gone. */
    async giveBack(
      tenantId: string,
      leaseId: string,
      back: { readonly amounts: Amounts; readonly ordinals: Ordinals | null; readonly isLoose: boolean },
      now: Date,
    ): Promise<boolean> {
      const ordinals = back.ordinals === null ? null : formatOrdinals(back.ordinals);
      return returned(
        await database.single({ tenantId })<{ returned: boolean }>(
          'SELECT return_quota($1, $2, $3, $4, $5, $6) AS returned',
          [tenantId, leaseId, toSqlArray(back.amounts), ordinals, back.isLoose, now],
        ),
      );
    },

    /** Ends a lease and gives back all that it did not charge. `false`: it had ended before. */
    async end(tenantId: string, leaseId: string, now: Date): Promise<boolean> {
      return returned(
        await database.single({ tenantId })<{ returned: boolean }>(
          'SELECT return_quota($1, $2, NULL, NULL, false, $3) AS returned',
          [tenantId, leaseId, now],
        ),
      );
    },

    /** For a lease that is extended no more, as long as predictions run on it. */
    async renew(tenantId: string, leaseIds: readonly string[], expiresAt: Date): Promise<void> {
      await database.single({ tenantId })(
        `UPDATE quota_leases l SET expires_at = greatest(l.expires_at, $3)
         FROM (SELECT id FROM quota_leases WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE) mine
         WHERE l.id = mine.id`,
        [tenantId, leaseIds, expiresAt],
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
