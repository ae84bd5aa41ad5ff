/** How things stand for a prediction that would be asked for now. Reads, and takes nothing. */
import type { Transactions } from '../../database/index.js';
import type { QuotaExceeded, RateLimited } from './errors.js';
import { exceededLimit } from './exceeded-limit.js';
import { claimOf, type ReserveRequest } from './ledger.js';
import { rankOf } from './limit.js';
import { amountsOf, countedAmount, placeOf } from './measures.js';
import type { Period, Quota } from './quota.js';

export interface Outlook {
  /** What it would be refused with; `null`: it would be admitted. */
  readonly refusal: RateLimited | QuotaExceeded | null;
  /** The limits that count for it. */
  readonly quotas: readonly Quota[];
  /** The place that it would get in the month of its subscription; 1 without one. */
  readonly ordinal: number;
}

/** For whom and on what a prediction would run. */
export interface Asked {
  readonly apiKeyId: string | null;
  readonly request: ReserveRequest;
}

/** The limits that count for it. */
export function quotasFor(quotas: readonly Quota[], { apiKeyId, request }: Asked): Quota[] {
  const { modelId = null, subscription = null } = request;
  return quotas.filter((quota) => {
    if (quota.modelId !== null && quota.modelId !== modelId) return false;
    if (quota.currency !== null && quota.currency !== (subscription?.currency ?? null)) return false;
    if (quota.subject === 'SUBSCRIPTION') return quota.subjectId === subscription?.id;
    return quota.subject === 'TENANT' || quota.subjectId === apiKeyId;
  });
}

/** The refusal by the outermost limit that has no room for it. @param quotas those that count for it */
export function exceededQuota(quotas: readonly Quota[], { request }: Asked, now: Date): QuotaExceeded | null {
  const amounts = amountsOf(claimOf(request));
  const claimed = ({ measure }: Quota) => amounts[placeOf(measure)] ?? 0;
  const [short] = quotas
    .filter(
      (quota) => quota.remaining !== null && countedAmount(quota.measure, quota.remaining) < claimed(quota),
    )
    .sort((a, b) => rankOf(a) - rankOf(b));
  if (short === undefined || short.limit === null) return null;
  const { subject, subjectId, measure, window, modelId, currency, limit, used, resetsAt } = short;
  return exceededLimit(
    { subject, subjectId, measure, window, modelId, currency, limit, used, resetsAt },
    countedAmount(measure, used),
    amounts,
    now,
  );
}

/**
 * The lowest place in the month that no prediction has, so far as it is written down: what a fast caller's process has
 * taken ahead, and not used yet, counts as free.
 */
export async function readNextOrdinal(
  database: Transactions,
  tenantId: string,
  subscriptionId: string,
  { start }: Period,
): Promise<number> {
  const [row] = await database.single({ tenantId })<{ ordinal: number | null }>(
    `SELECT least(
       (SELECT lower(o.free) FROM subscription_ordinals o
        WHERE o.tenant_id = $1 AND o.subscription_id = $2 AND o.period_start = $3),
       (SELECT min(lower(l.ordinals)) FROM quota_leases l
        WHERE l.tenant_id = $1 AND l.subscription_id = $2 AND l.period_start = $3 AND l.is_loose AND NOT isempty(l.ordinals))
     )::float8 AS ordinal`,
    [tenantId, subscriptionId, start],
  );
  return row?.ordinal ?? 1;
}
