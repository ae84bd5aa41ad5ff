/** How things stand for a prediction that would be asked for now. Reads, and takes nothing. */
import type { Transactions } from '../../database/index.js';
import { quotaExceeded, type QuotaExceeded, type RateLimited } from './errors.js';
import { claimOf, type ReserveRequest } from './ledger.js';
import { retryAfterSeconds } from './limit.js';
import { amountsOf, countedAmount, placeOf } from './measures.js';
import type { Period, Quota } from './quota.js';

export interface Outlook {
  /** What it would be refused with; `null`: it would be admitted. */
  readonly refusal: RateLimited | QuotaExceeded | null;
  readonly quotas: readonly Quota[];
  /** The place that it would get in the month of its subscription; 1 without one. */
  readonly ordinal: number;
}

/** What `reserve` would be asked, but for how long it may take. */
export type OutlookRequest = Omit<ReserveRequest, 'timeoutMs'>;

/** The first quota, from the outside in, into which the claim does not fit. Those of other models, plans and currencies do not count. */
export function exceededQuota(
  quotas: readonly Quota[],
  request: OutlookRequest,
  now: Date,
): QuotaExceeded | null {
  const { modelId = null, subscription = null } = request;
  const amounts = amountsOf(claimOf({ ...request, timeoutMs: 0 }));
  const short = quotas.find((quota) => {
    // SOFT, or unlimited.
    if (quota.remaining === null) return false;
    if (quota.modelId !== null && quota.modelId !== modelId) return false;
    if (quota.subject === 'SUBSCRIPTION' && quota.subjectId !== subscription?.id) return false;
    if (quota.currency !== null && quota.currency !== subscription?.currency) return false;
    return (amounts[placeOf(quota.measure)] ?? 0) > countedAmount(quota.measure, quota.remaining);
  });
  if (short === undefined || short.limit === null) return null;
  const { subject, subjectId, measure, window, modelId: ofModel, currency, limit, used, resetsAt } = short;
  return quotaExceeded({
    subject,
    subjectId,
    measure,
    window,
    modelId: ofModel,
    currency,
    limit,
    used,
    resetsAt,
    retryAfterMs: null,
    retryAfterSeconds: retryAfterSeconds(window, resetsAt, null, now),
  });
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
