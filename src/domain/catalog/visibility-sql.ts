/**
 * `visibility.ts` in SQL, for statements over a table `models` with the alias `m`. Placeholders are given by
 * the caller (`$1`); nothing here comes from a user. Row-level security checks VIEW once more underneath.
 */
import { RIGHTS, type Right } from './model.js';
import { levelIncludes } from './visibility.js';

/** Joins the tenant's grant in force as `g`. At most one row: see the index grants_one_in_force. */
export function grantInForceJoin(tenantPlaceholder: string): string {
  return (
    `LEFT JOIN grants g ON g.model_id = m.id AND g.tenant_id = m.tenant_id` +
    ` AND g.grantee_tenant_id = ${tenantPlaceholder}` +
    ` AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())`
  );
}

/** The grant's rights as a column; an empty array without a grant. Needs `grantInForceJoin`. */
export const GRANT_RIGHTS_COLUMN = `coalesce(g.rights, '{}') AS grant_rights`;

/** When the grant ends by itself as a column; null without an end or a grant. Needs `grantInForceJoin`. */
export const GRANT_ENDS_COLUMN = `g.expires_at AS grant_ends_at`;

/** Joins the tenant's subscription in force as `s`. At most one row: see the index subscriptions_one_in_force. */
export function subscriptionInForceJoin(tenantPlaceholder: string): string {
  return (
    `LEFT JOIN subscriptions s ON s.model_id = m.id AND s.tenant_id = ${tenantPlaceholder}` +
    ` AND s.cancelled_at IS NULL`
  );
}

/** Whether there is one as a column. Needs `subscriptionInForceJoin`. */
export const IS_SUBSCRIBED_COLUMN = `(s.id IS NOT NULL) AS is_subscribed`;

/** `basisOfRight(…) !== null`. Needs `grantInForceJoin`, and `subscriptionInForceJoin` for PREDICT. */
export function tenantHoldsRight(right: Right, tenantPlaceholder: string): string {
  const levels = RIGHTS.filter((level) => levelIncludes(level, right)).map((level) => `'${level}'`);
  const granted = right === 'VIEW' ? 'g.id IS NOT NULL' : `coalesce('${right}' = ANY (g.rights), false)`;
  const subscribed =
    right === 'PREDICT' ? ` OR (s.id IS NOT NULL AND ${tenantHoldsRight('VIEW', tenantPlaceholder)})` : '';
  return (
    `(m.tenant_id = ${tenantPlaceholder} OR ${granted}${subscribed}` +
    ` OR (m.visibility <> 'PRIVATE' AND m.public_access IN (${levels.join(', ')})))`
  );
}

/** `isVisible`. Needs `grantInForceJoin`. */
export function visibleTo(tenantPlaceholder: string, readsForTenant: boolean): string {
  return readsForTenant ? tenantHoldsRight('VIEW', tenantPlaceholder) : `(m.visibility <> 'PRIVATE')`;
}

/**
 * What lists show, which is less than what is visible: UNLISTED models only to their own tenant, archived
 * ones only to their own tenant and when asked for.
 */
export function listedFor(
  tenantPlaceholder: string,
  readsForTenant: boolean,
  includeArchived: boolean,
): string {
  const others = readsForTenant
    ? `(m.visibility = 'PUBLIC' OR (m.visibility = 'PRIVATE' AND g.id IS NOT NULL))`
    : `m.visibility = 'PUBLIC'`;
  if (!readsForTenant) return `(${others} AND m.archived_at IS NULL)`;
  const own = includeArchived ? 'true' : 'm.archived_at IS NULL';
  return (
    `((m.tenant_id = ${tenantPlaceholder} AND ${own})` +
    ` OR (m.tenant_id <> ${tenantPlaceholder} AND m.archived_at IS NULL AND ${others}))`
  );
}
