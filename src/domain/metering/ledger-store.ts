/** The upkeep of the ledger: functions of the database that run as its owner (see the migration `usage_rollups`). */
import type { SqlQuery, Transactions } from '../../database/index.js';

/** A sum that is not what the events say. */
export interface UsageDifference {
  readonly granularity: 'HOUR' | 'DAY' | 'MONTH';
  readonly periodStart: Date;
  readonly tenantId: string;
  readonly apiKeyId: string | null;
  /** This and the next two: `null` of the sum of a key over all its series. */
  readonly modelId: string | null;
  readonly versionId: string | null;
  readonly kind: 'PREDICTION' | 'CORRECTION' | 'REFUND' | null;
  /** What the events add up to; for sums by month, what those by day do. */
  readonly events: DifferenceSum;
  /** What the roll-ups say, with what is not folded into them yet. */
  readonly rollups: DifferenceSum;
}

export interface DifferenceSum {
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeMs: number;
  readonly costMicros: number;
}

/** Deltas in a statement: of up to 128 events each, so that none takes longer than a second or two. */
const FOLD_AT_ONCE = 500;
/** How long a charge may have to wait for a lock of the upkeep; then the upkeep gives way and tries again. */
const LOCK_WITHIN_MS = 200;
const LOCK_TRIES = 25;
const LOCK_NOT_AVAILABLE = '55P03';

export function createLedgerStore(database: Transactions) {
  /** Takes a strong lock, or lets the charges go on and tries again. */
  async function inShortLocks<T>(work: (query: SqlQuery) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await database.sql({}, async (query) => {
          await query(`SELECT set_config('lock_timeout', $1, true)`, [`${LOCK_WITHIN_MS}ms`]);
          return work(query);
        });
      } catch (error) {
        if (tries === LOCK_TRIES || (error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
      }
    }
  }

  return Object.freeze({
    /** Moves deltas into the ledger and its roll-ups; returns how many. 0 too while another server does it. */
    async foldAcrossTenants(): Promise<number> {
      const query = database.single({});
      for (let folded = 0; ;) {
        const [row] = await query<{ now: number }>('SELECT fold_usage_deltas($1) AS now', [FOLD_AT_ONCE]);
        const now = row?.now ?? 0;
        folded += now;
        if (now < FOLD_AT_ONCE) return folded;
      }
    },

    /** Whether it was made now. */
    async ensurePartition(month: Date): Promise<boolean> {
      const [row] = await inShortLocks((query) =>
        query<{ isMade: boolean }>('SELECT ensure_usage_partition($1) AS "isMade"', [month]),
      );
      return row?.isMade === true;
    },

    /** How many events the month has; `null` when its events were dropped, and its roll-ups are left as they are. */
    async rebuildMonthAcrossTenants(query: SqlQuery, month: Date): Promise<number | null> {
      const [row] = await query<{ events: number | null }>(
        'SELECT rebuild_usage_month($1)::float8 AS events',
        [month],
      );
      return row?.events ?? null;
    },

    /** `from` and `to` are starts of days. */
    checkRollupsAcrossTenants(from: Date, to: Date, most: number): Promise<UsageDifference[]> {
      return database.sql({}, async (query) => {
        const rows = await query<DifferenceRow>(
          `SELECT granularity, bucket AS "periodStart", tenant_id AS "tenantId", api_key_id AS "apiKeyId",
             model_id AS "modelId", version_id AS "versionId", kind, predictions::float8, rows::float8, bytes::float8,
             compute_us::float8 AS "computeUs", cost_micros::float8 AS "costMicros",
             summed_predictions::float8 AS "summedPredictions", summed_rows::float8 AS "summedRows",
             summed_bytes::float8 AS "summedBytes", summed_compute_us::float8 AS "summedComputeUs",
             summed_cost_micros::float8 AS "summedCostMicros"
           FROM check_usage_rollups($1, $2, $3)`,
          [from, to, most],
        );
        return rows.map(toDifference);
      });
    },

    /** Drops the events of a month whose roll-ups equal them. */
    async retireMonthAcrossTenants(month: Date, now: Date): Promise<'RETIRED' | 'UNEQUAL' | 'NONE'> {
      const [row] = await inShortLocks((query) =>
        query<{ outcome: 'RETIRED' | 'UNEQUAL' | 'NONE' }>('SELECT retire_usage_month($1, $2) AS outcome', [
          month,
          now,
        ]),
      );
      return row?.outcome ?? 'NONE';
    },

    /** Months that have events in a partition of their own and began before an instant, the oldest first. */
    async listMonthsBeforeAcrossTenants(before: Date): Promise<Date[]> {
      const rows = await database.single({})<{ month: Date }>(
        `SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' AS month
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'usage_events'::regclass AND c.relname ~ '^usage_events_[0-9]{4}_[0-9]{2}$'
           AND to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' < $1
         ORDER BY 1`,
        [before],
      );
      return rows.map(({ month }) => month);
    },

    /** Of these months, those whose events were dropped. */
    async listRetiredMonths(from: Date, to: Date): Promise<Date[]> {
      const rows = await database.single({ acrossTenants: true })<{ month: Date }>(
        `SELECT period_start AS month FROM usage_retired_months
         WHERE period_start + INTERVAL '1 month' > $1 AND period_start < $2 ORDER BY 1`,
        [from, to],
      );
      return rows.map(({ month }) => month);
    },
  });
}

export type LedgerStore = ReturnType<typeof createLedgerStore>;

interface DifferenceRow extends Omit<UsageDifference, 'events' | 'rollups'> {
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeUs: number;
  readonly costMicros: number;
  readonly summedPredictions: number;
  readonly summedRows: number;
  readonly summedBytes: number;
  readonly summedComputeUs: number;
  readonly summedCostMicros: number;
}

function toDifference(row: DifferenceRow): UsageDifference {
  const { granularity, periodStart, tenantId, apiKeyId, modelId, versionId, kind } = row;
  return {
    granularity,
    periodStart,
    tenantId,
    apiKeyId,
    modelId,
    versionId,
    kind,
    events: {
      predictions: row.predictions,
      rows: row.rows,
      bytes: row.bytes,
      computeMs: row.computeUs / 1000,
      costMicros: row.costMicros,
    },
    rollups: {
      predictions: row.summedPredictions,
      rows: row.summedRows,
      bytes: row.summedBytes,
      computeMs: row.summedComputeUs / 1000,
      costMicros: row.summedCostMicros,
    },
  };
}
