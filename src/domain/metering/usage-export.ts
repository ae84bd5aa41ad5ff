/**
 * The ledger row by row, in pages by key: each page is a statement of its own, asked for when the one before has been
 * taken. So an export holds neither a connection nor a snapshot while its reader is slow, and one that nobody reads on
 * asks nothing more. What is charged while it runs may be in it or not; a span that is over is whole.
 */
import type { Transactions } from '../../database/index.js';
import type { UsageEventKind } from './ledger.js';
import { periodOf } from './quota.js';
import type { Span } from './usage-span.js';

/** In the order of the columns of an export. */
export interface ExportedEvent {
  readonly id: string;
  readonly kind: UsageEventKind;
  /** The prediction that is corrected. */
  readonly correctsId: string | null;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly requestId: string;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly ownerTenantId: string;
  readonly modelId: string;
  readonly model: string;
  readonly versionId: string;
  readonly versionNumber: number;
  readonly sha256: string;
  readonly alias: string | null;
  readonly runtime: string;
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  /** Charged. */
  readonly computeUs: number;
  readonly costMicros: number;
  readonly currency: string | null;
  readonly subscriptionId: string | null;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly loadMs: number;
  readonly computeMs: number;
  readonly batchSize: number;
  readonly batchRows: number;
}

const PAGE = 1_000;

const COLUMNS = `id, kind, corrects_id AS "correctsId", reason, created_at AS "createdAt", request_id AS "requestId",
  user_id AS "userId", api_key_id AS "apiKeyId", owner_tenant_id AS "ownerTenantId", model_id AS "modelId",
  model_name AS model, version_id AS "versionId", version_number AS "versionNumber", digest AS sha256, alias, runtime,
  units AS predictions, rows, bytes::float8, compute_us::float8 AS "computeUs", cost_micros::float8 AS "costMicros",
  currency, subscription_id AS "subscriptionId", queue_ms AS "queueMs", batch_ms AS "batchMs", load_ms AS "loadMs",
  compute_ms AS "computeMs", batch_size AS "batchSize", batch_rows AS "batchRows"`;

// Month by month, so that each page reads one index of one partition.
const PAGE_OF_MONTH = `SELECT ${COLUMNS} FROM usage_ledger
  WHERE tenant_id = $1 AND period_start = $2 AND created_at >= $3 AND created_at < $4
    AND (created_at, id) > ($5, $6)
  ORDER BY created_at, id LIMIT ${PAGE}`;

// A plan for any month whatever does not know that it is one: it would read all that is left of the month for each page,
// sort it and throw all but a thousand away.
const CUSTOM_PLAN = `SELECT set_config('plan_cache_mode', 'force_custom_plan', true)`;

/** The tenant's events of a span, by time. */
export async function* eventsOf(
  database: Transactions,
  tenantId: string,
  span: Span,
): AsyncGenerator<readonly ExportedEvent[], void, void> {
  for (let month = periodOf(span.from); month.start < span.to; month = periodOf(month.end)) {
    const from = new Date(Math.max(span.from.getTime(), month.start.getTime()));
    const to = new Date(Math.min(span.to.getTime(), month.end.getTime()));
    let after: readonly [Date, string] = [from, ''];
    for (;;) {
      const parameters = [tenantId, month.start, from, to, ...after];
      const rows = await database.sql({ tenantId }, async (query) => {
        await query(CUSTOM_PLAN, []);
        return query<ExportedEvent>(PAGE_OF_MONTH, parameters);
      });
      const last = rows.at(-1);
      if (last !== undefined) yield rows;
      if (last === undefined || rows.length < PAGE) break;
      after = [last.createdAt, last.id];
    }
  }
}
