/** How a tenant stands: all of it by one exchange. Whole numbers are read as float8, which is exact up to 2^53. */
import type { Transactions } from '../../database/index.js';
import { LIMIT_COLUMNS, type LimitStanding } from './limit-store.js';
import type { Period, QuotaSubject } from './quota.js';

/** The predictions of a month, of a tenant or key. A month without use counts as zero. */
export interface Counter {
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  /** `null` for a key. */
  readonly weight: number | null;
}

export interface Standing {
  /** The tenant's, then those of the named keys of the tenant, with what their leases have charged since. */
  readonly counters: readonly Counter[];
  /** Of the tenant, its subscriptions and the named keys. */
  readonly limits: readonly LimitStanding[];
  /**
   * The lowest place in the month of the subscription that no prediction has, so far as it is written down: what a fast
   * caller's process has taken ahead, and not used yet, counts as free. 1 without a subscription.
   */
  readonly ordinal: number;
}

/** $1 tenant, $2 keys, $3 start of the month. */
const COUNTERS = `SELECT s.subject, s.subject_id AS "subjectId", s.predictions_per_month::float8 AS "limit",
    (coalesce(c.used, 0) + l.charged)::float8 AS used, (coalesce(c.reserved, 0) - l.charged)::float8 AS reserved, s.weight
  FROM (
    SELECT 'TENANT' AS subject, t.id AS subject_id, p.predictions_per_month, 0 AS place, coalesce(p.weight, 1) AS weight
    FROM tenants t LEFT JOIN tenant_plans p ON p.tenant_id = t.id WHERE t.id = $1
    UNION ALL
    SELECT 'API_KEY', k.id, k.predictions_per_month, array_position($2::text[], k.id), NULL
    FROM api_keys k WHERE k.tenant_id = $1 AND k.id = ANY ($2)
  ) s
  LEFT JOIN quota_counters c ON c.subject = s.subject AND c.subject_id = s.subject_id AND c.period_start = $3
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(q.charged), 0) AS charged FROM quota_leases q
    WHERE q.tenant_id = $1 AND q.period_start = $3 AND (s.subject = 'TENANT' OR q.api_key_id = s.subject_id)
  ) l
  ORDER BY s.place`;

/** $4 start of the day, $5 now. */
const LIMITS = `SELECT ${LIMIT_COLUMNS}, q.enforcement, q.window_start AS "windowStart", q.used::float8 AS used,
    q.reserved::float8 AS reserved, q.level
  FROM limit_states($1, $2, $3, $4, $5) q`;

/** $6 subscription. */
const ORDINAL = `least(
    (SELECT lower(o.free) FROM subscription_ordinals o
     WHERE o.tenant_id = $1 AND o.subscription_id = $6 AND o.period_start = $3),
    (SELECT min(lower(l.ordinals)) FROM quota_leases l
     WHERE l.tenant_id = $1 AND l.subscription_id = $6 AND l.period_start = $3 AND l.is_loose AND NOT isempty(l.ordinals))
  )::float8`;

const STANDING = `SELECT (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (${COUNTERS}) c) AS counters,
  (SELECT coalesce(jsonb_agg(to_jsonb(l)), '[]') FROM (${LIMITS}) l) AS limits, coalesce(${ORDINAL}, 1) AS ordinal`;

interface Row extends Omit<Standing, 'limits'> {
  readonly limits: readonly (Omit<LimitStanding, 'windowStart'> & { readonly windowStart: string })[];
}

export function createStandingStore(database: Transactions) {
  return Object.freeze({
    async read(
      tenantId: string,
      apiKeyIds: readonly string[],
      subscriptionId: string | null,
      { month, day, now }: { readonly month: Period; readonly day: Period; readonly now: Date },
    ): Promise<Standing> {
      const parameters = [tenantId, apiKeyIds, month.start, day.start, now, subscriptionId];
      const [row] = await database.single({ tenantId })<Row>(STANDING, parameters);
      if (row === undefined) throw new Error('A standing is one row, whatever is in it.');
      const limits = row.limits.map((limit) => ({ ...limit, windowStart: new Date(limit.windowStart) }));
      return { ...row, limits };
    },
  });
}
