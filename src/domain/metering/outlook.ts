/** How things stand for a prediction that would be asked for now. Reads, and takes nothing. */
import type { Transactions } from '../../database/index.js';
import { quotaExceeded, type QuotaExceeded, type RateLimited } from './errors.js';
import { admits, type Period, type Quota } from './quota.js';

export interface Outlook {
  /** What it would be refused with; `null`: it would be admitted. */
  readonly refusal: RateLimited | QuotaExceeded | null;
  readonly quotas: readonly Quota[];
  /** The place that it would get in the month of its subscription; 1 without one. */
  readonly ordinal: number;
}

/** The first quota, from the outside in, in which there is no room. */
export function exceededQuota(quotas: readonly Quota[], units: number): QuotaExceeded | null {
  const short = quotas.find(({ limit, used, reserved }) => !admits(limit, used, reserved, units));
  if (short === undefined || short.limit === null) return null;
  return quotaExceeded({
    subject: short.subject,
    subjectId: short.subjectId,
    measure: 'PREDICTIONS',
    window: 'MONTH',
    modelId: null,
    currency: null,
    limit: short.limit,
    used: short.used,
    resetsAt: short.resetsAt,
    retryAfterMs: null,
    retryAfterSeconds: null,
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
