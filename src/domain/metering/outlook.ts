/** How things stand for a prediction that would be asked for now. Reads, and takes nothing. */
import type { QuotaExceeded, RateLimited } from './errors.js';
import { exceededLimit } from './exceeded-limit.js';
import { claimOf, type ReserveRequest } from './ledger.js';
import { rankOf } from './limit.js';
import { amountsOf, countedAmount, placeOf } from './measures.js';
import type { Quota } from './quota.js';

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
