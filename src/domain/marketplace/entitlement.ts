/**
 * May this actor use this model (and so any version of it) like this, and on what terms? Pure over facts that
 * one statement reads together with the version, so that the corridor of `predict` needs no second round trip.
 */
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import {
  basisOfRight,
  GRANT_ENDS_COLUMN,
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  modelNotFound,
  PERMISSION_FOR_RIGHT,
  subscriptionInForceJoin,
  type ModelFacts,
  type ModelNotFound,
  type Right,
  type RightBasis,
  type Visibility,
} from '../catalog/index.js';
import { notEntitled, type NotEntitled } from './errors.js';
import type { PlanTerms } from './price.js';

/** On what terms the actor's tenant may run the model against payment. */
export interface SubscriptionInForce {
  readonly id: string;
  readonly terms: PlanTerms;
}

export interface EntitlementFacts {
  readonly model: ModelFacts;
  /** What a grant in force gives the actor's tenant; empty without one. */
  readonly grantRights: readonly Right[];
  /** When that grant ends; `null`: not by itself, or there is none. Past it, these facts must be read again. */
  readonly grantEndsAt: Date | null;
  readonly subscription: SubscriptionInForce | null;
  /** A plan is on offer. */
  readonly isForSale: boolean;
}

/** The terms on which a right may be used. */
export interface Entitlement {
  readonly right: Right;
  /** Owner, grant, subscription, or open to everybody. */
  readonly basis: RightBasis;
  /** Whose plan's price is asked; `null` unless the basis is SUBSCRIPTION. */
  readonly subscription: SubscriptionInForce | null;
  /** Whose model it is. */
  readonly ownerTenantId: string;
  /** Who is charged: the actor's tenant. */
  readonly consumerTenantId: string;
}

export type EntitlementRefusal = ModelNotFound | PermissionDenied | NotEntitled;

/**
 * Decides in the order in which nothing leaks: what the tenant may not see does not exist; then the actor's
 * own permission; then the tenant's right. MODEL_READ is not asked for: a key with PREDICTION_RUN alone may
 * run what its tenant may run, without browsing it.
 * @param path which argument names the model
 */
export function entitlementFor(
  actor: TenantActor,
  facts: Omit<EntitlementFacts, 'grantEndsAt'>,
  right: Right,
  path: readonly string[] = ['target'],
): Result<Entitlement, EntitlementRefusal> {
  const { model, grantRights, subscription } = facts;
  if (basisOfRight(model, actor.tenantId, grantRights, 'VIEW') === null) return refuse(modelNotFound(path));
  const permission = right === 'VIEW' ? null : PERMISSION_FOR_RIGHT[right];
  if (permission !== null && !can(actor, permission)) return refuse(permissionDenied(actor, permission));
  const basis = basisOfRight(model, actor.tenantId, grantRights, right, subscription !== null);
  if (basis === null) return refuse(notEntitled(right, path, right === 'PREDICT' && facts.isForSale));
  return ok({
    right,
    basis,
    subscription: basis === 'SUBSCRIPTION' ? subscription : null,
    ownerTenantId: model.tenantId,
    consumerTenantId: actor.tenantId,
  });
}

/**
 * What a statement over `models m` adds to read the facts: `SELECT v.*, ${columns} FROM versions v JOIN models m
 * ON m.id = v.model_id ${join('$1')} WHERE …`. The placeholder is the actor's tenant. Rows then hold the columns
 * of `EntitlementFactsRow`.
 */
export const entitlementFactsSql = Object.freeze({
  columns: `m.tenant_id AS owner_tenant_id, m.visibility, m.public_access, ${GRANT_RIGHTS_COLUMN}, ${GRANT_ENDS_COLUMN},
    EXISTS (SELECT 1 FROM plans o WHERE o.model_id = m.id AND o.withdrawn_at IS NULL) AS is_for_sale,
    s.id AS subscription_id,
    CASE WHEN s.id IS NOT NULL THEN jsonb_build_object('currency', p.currency,
      'pricePerThousandMicros', p.price_per_thousand_micros,
      'pricePerComputeSecondMicros', p.price_per_compute_second_micros,
      'freePredictionsPerMonth', p.free_predictions_per_month, 'tiers', p.tiers) END AS subscription_terms`,
  join: (tenantPlaceholder: string) =>
    `${grantInForceJoin(tenantPlaceholder)} ${subscriptionInForceJoin(tenantPlaceholder)} LEFT JOIN plans p ON p.id = s.plan_id`,
});

export interface EntitlementFactsRow {
  readonly owner_tenant_id: string;
  readonly visibility: string;
  readonly public_access: string;
  readonly grant_rights: string[];
  readonly grant_ends_at: Date | null;
  readonly is_for_sale: boolean;
  readonly subscription_id: string | null;
  readonly subscription_terms: PlanTerms | null;
}

/** The casts hold because of the tables' checks. */
export function entitlementFactsFromRow(row: EntitlementFactsRow): EntitlementFacts {
  return {
    model: {
      tenantId: row.owner_tenant_id,
      visibility: row.visibility as Visibility,
      publicAccess: row.public_access as Right,
    },
    grantRights: row.grant_rights as Right[],
    grantEndsAt: row.grant_ends_at,
    subscription: subscriptionFromRow(row),
    isForSale: row.is_for_sale,
  };
}

function subscriptionFromRow({
  subscription_id: id,
  subscription_terms: terms,
}: EntitlementFactsRow): SubscriptionInForce | null {
  if (id === null) return null;
  // Running at no price would be a loss that nobody notices.
  if (terms === null) throw new Error(`The plan of ${id} cannot be read by its subscriber.`);
  return { id, terms };
}
