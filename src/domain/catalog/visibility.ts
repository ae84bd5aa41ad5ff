/**
 * The one rule of who sees what. A tenant sees a model when it holds VIEW on it; it holds rights as the
 * owner (all), by a grant in force (its set), by a subscription in force (PREDICT, on a model that it sees
 * anyway), or as everybody (publicAccess of a PUBLIC or UNLISTED model, a level: DOWNLOAD includes PREDICT,
 * because whoever holds the bytes can run them). PREDICT and DOWNLOAD include VIEW. `visibility-sql.ts` says the same to Postgres; a test holds the two together.
 */
import { can, type Actor, type Permission, type TenantActor } from '../access/index.js';
import { RIGHTS, type Model, type ModelFacts, type Right } from './model.js';

/** On what ground a right is held. */
export type RightBasis = 'OWNER' | 'GRANT' | 'SUBSCRIPTION' | 'PUBLIC';

/** Whether the level of `publicAccess` reaches the right. */
export function levelIncludes(level: Right, right: Right): boolean {
  return RIGHTS.indexOf(level) >= RIGHTS.indexOf(right);
}

/** Why the tenant holds the right, the strongest ground first; `null` when it does not hold it. */
export function basisOfRight(
  model: ModelFacts,
  tenantId: string,
  grantRights: readonly Right[],
  right: Right,
  isSubscribed = false,
): RightBasis | null {
  if (model.tenantId === tenantId) return 'OWNER';
  if (grantRights.includes(right) || (right === 'VIEW' && grantRights.length > 0)) return 'GRANT';
  const isSeen = model.visibility !== 'PRIVATE' || grantRights.length > 0;
  if (right === 'PREDICT' && isSubscribed && isSeen) return 'SUBSCRIPTION';
  if (model.visibility !== 'PRIVATE' && levelIncludes(model.publicAccess, right)) return 'PUBLIC';
  return null;
}

/** Everything that the tenant may do with the model, in the order of `RIGHTS`. Empty: it does not exist for it. */
export function tenantRights(
  model: ModelFacts,
  tenantId: string,
  grantRights: readonly Right[],
  isSubscribed = false,
): readonly Right[] {
  return RIGHTS.filter((right) => basisOfRight(model, tenantId, grantRights, right, isSubscribed) !== null);
}

/** What an actor must be permitted to use a right of its tenant. VIEW: see `isVisible`. */
export const PERMISSION_FOR_RIGHT: Readonly<Record<Exclude<Right, 'VIEW'>, Permission>> = {
  PREDICT: 'PREDICTION_RUN',
  DOWNLOAD: 'ARTIFACT_DOWNLOAD',
};

/** Whether the actor's permissions let it read what is its tenant's own, or was granted to it. */
export function readsForTenant(actor: Actor): boolean {
  return can(actor, 'MODEL_READ');
}

/**
 * Whether the actor may see the model. What is PUBLIC or UNLISTED needs no permission; the rest (its
 * tenant's own PRIVATE models, and PRIVATE ones granted to it) needs MODEL_READ.
 */
export function isVisible(actor: TenantActor, model: ModelFacts & Pick<Model, 'grantRights'>): boolean {
  if (model.visibility !== 'PRIVATE') return true;
  return readsForTenant(actor) && basisOfRight(model, actor.tenantId, model.grantRights, 'VIEW') !== null;
}

/** What the actor may do with a model that it sees: its tenant's rights, as far as its permissions cover them. */
export function viewerRights(
  actor: TenantActor,
  model: ModelFacts & Pick<Model, 'grantRights' | 'isSubscribed'>,
): readonly Right[] {
  return tenantRights(model, actor.tenantId, model.grantRights, model.isSubscribed).filter((right) =>
    right === 'VIEW' ? isVisible(actor, model) : can(actor, PERMISSION_FOR_RIGHT[right]),
  );
}

/**
 * Whether the model is in the actor's lists: less than what it may see. UNLISTED models are listed only for
 * their own tenant; archived ones too, and only when asked for.
 */
export function isListed(
  actor: TenantActor,
  model: ModelFacts & Pick<Model, 'grantRights' | 'archivedAt'>,
  includeArchived: boolean,
): boolean {
  if (!isVisible(actor, model)) return false;
  if (model.tenantId === actor.tenantId && readsForTenant(actor)) {
    return includeArchived || model.archivedAt === null;
  }
  return model.visibility !== 'UNLISTED' && model.archivedAt === null;
}

/** Whether the actor may change the model: its tenant's own, with MODEL_WRITE. Archived, it may only be unarchived. */
export function viewerCanEdit(actor: TenantActor, model: Pick<Model, 'tenantId'>): boolean {
  return model.tenantId === actor.tenantId && can(actor, 'MODEL_WRITE');
}
