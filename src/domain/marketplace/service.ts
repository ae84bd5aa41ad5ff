import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page, type PageRequest } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  lockOwnModel,
  modelArchived,
  modelNotFound,
  type CatalogService,
  type Model,
  type ModelConflict,
  type ModelNotFound,
} from '../catalog/index.js';
import { entitlementFor } from './entitlement.js';
import {
  planNameTaken,
  planNotFound,
  subscriptionNotFound,
  subscriptionToOwnModel,
  tooManyPlans,
  type InvalidPlan,
  type PlanConflict,
  type PlanNotFound,
  type SubscriptionNotFound,
} from './errors.js';
import { checkNewPlan, type CreatePlanInput, type Plan, type Subscription } from './plan.js';
import * as plans from './plans-store.js';
import * as subscriptions from './subscriptions-store.js';

export interface MarketplaceDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly catalog: Pick<CatalogService, 'getModelsByIds'>;
}

export type CreatePlanRefusal = PermissionDenied | ModelNotFound | ModelConflict | PlanConflict | InvalidPlan;
export type SubscribeRefusal = PermissionDenied | PlanNotFound | ModelConflict | InvalidPlan;

interface PageInput {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

export interface MarketplaceService {
  /** May this actor use this model like this, and on what terms? See `entitlement.ts`. No I/O. */
  readonly entitlementFor: typeof entitlementFor;
  /** Offers a model of the tenant's own on terms that never change. Needs GRANT_MANAGE. */
  createPlan(
    actor: TenantActor,
    input: CreatePlanInput,
  ): Promise<Result<Plan, CreatePlanRefusal | readonly CreatePlanRefusal[]>>;
  /** Nobody can take it any more; who has it keeps it. Needs GRANT_MANAGE. */
  withdrawPlan(actor: TenantActor, planId: string): Promise<Result<Plan, PermissionDenied | PlanNotFound>>;
  /**
   * Takes a plan, in force with the reply. Ends the subscription that the tenant has on the model by another plan; changes
   * nothing where it has this one. Needs SUBSCRIPTION_MANAGE.
   */
  subscribe(actor: TenantActor, planId: string): Promise<Result<Subscription, SubscribeRefusal>>;
  /** Ends at once. Needs SUBSCRIPTION_MANAGE. */
  cancelSubscription(
    actor: TenantActor,
    subscriptionId: string,
  ): Promise<Result<Subscription, PermissionDenied | SubscriptionNotFound>>;
  /** The tenant's own, in force or not, the newest first. Needs USAGE_READ. */
  listSubscriptions(
    actor: TenantActor,
    page: PageInput,
  ): Promise<Result<Page<Subscription>, PermissionDenied | Refusal<'INVALID_INPUT'>>>;
  /** Those in force on a model, the newest first; `null` unless the model is the tenant's, with GRANT_MANAGE. */
  listSubscribers(
    actor: TenantActor,
    model: Pick<Model, 'id' | 'tenantId'>,
    page: PageInput,
  ): Promise<Result<Page<Subscription> | null, Refusal<'INVALID_INPUT'>>>;
  /** Plans on offer, for each of the models; the caller has them from a read under the same actor. */
  plansOfModels(actor: TenantActor, modelIds: readonly string[]): Promise<(readonly Plan[])[]>;
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getPlansByIds(actor: TenantActor, ids: readonly string[]): Promise<(Plan | null)[]>;
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getSubscriptionsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Subscription | null)[]>;
}

export const MAX_PLANS_ON_OFFER = 20;
const SORT = 'subscriptions';

export function createMarketplaceService(deps: MarketplaceDeps): MarketplaceService {
  const { database, clock, audit, catalog } = deps;

  async function pageOf(
    input: PageInput,
    read: (page: PageRequest) => Promise<Subscription[]>,
  ): Promise<Result<Page<Subscription>, Refusal<'INVALID_INPUT'>>> {
    const page = parsePageRequest(SORT, 1, input, ([id]) => kindOfId(String(id)) === 'subscription');
    if (!page.ok) return page;
    return ok(toPage(await read(page.value), page.value, SORT, ({ id }) => [id]));
  }

  return Object.freeze<MarketplaceService>({
    entitlementFor,

    async createPlan(actor, input) {
      if (!can(actor, 'GRANT_MANAGE')) return refuse(permissionDenied(actor, 'GRANT_MANAGE'));
      const { modelId } = input;
      if (kindOfId(modelId) !== 'model') return refuse(modelNotFound());
      const { tenantId } = actor;
      return database.transaction<Result<Plan, CreatePlanRefusal | readonly CreatePlanRefusal[]>>(
        { tenantId },
        async (tx) => {
          const model = await lockOwnModel(tx, tenantId, modelId);
          if (model === null) return refuse(modelNotFound());
          // After the model is found: mistakes are not discussed about what is not there.
          const checked = checkNewPlan(input);
          if (!checked.ok) return checked;
          if (model.archivedAt !== null) return refuse(modelArchived());
          const offered = await plans.listOfferedAcrossTenants(tx, [modelId]);
          const terms = checked.value;
          if (offered.some(({ name }) => name === terms.name)) return refuse(planNameTaken(terms.name));
          if (offered.length >= MAX_PLANS_ON_OFFER) return refuse(tooManyPlans(MAX_PLANS_ON_OFFER));
          const createdAt = clock.now();
          const plan = await plans.insertPlan(tx, tenantId, {
            ...terms,
            id: newId('plan', createdAt.getTime()),
            modelId,
            createdAt,
            createdBy: actor.kind === 'user' ? actor.userId : null,
          });
          const { tiers, includedLimits, ...facts } = terms;
          await audit.record(tx, actor, {
            action: 'createPlan',
            subjectId: plan.id,
            details: {
              modelId,
              ...facts,
              tiers: JSON.stringify(tiers),
              includedLimits: JSON.stringify(includedLimits),
            },
          });
          return ok(plan);
        },
      );
    },

    async withdrawPlan(actor, planId) {
      if (!can(actor, 'GRANT_MANAGE')) return refuse(permissionDenied(actor, 'GRANT_MANAGE'));
      if (kindOfId(planId) !== 'plan') return refuse(planNotFound());
      const { tenantId } = actor;
      return database.transaction<Result<Plan, PlanNotFound>>({ tenantId }, async (tx) => {
        const plan = await plans.withdrawPlan(tx, tenantId, planId, clock.now());
        if (plan === null) return refuse(planNotFound());
        const { modelId, name } = plan;
        await audit.record(tx, actor, {
          action: 'withdrawPlan',
          subjectId: planId,
          details: { modelId, name },
        });
        return ok(plan);
      });
    },

    async subscribe(actor, planId) {
      if (!can(actor, 'SUBSCRIPTION_MANAGE')) return refuse(permissionDenied(actor, 'SUBSCRIPTION_MANAGE'));
      const [plan = null] = await getPlansByIds(actor, [planId]);
      if (plan === null || plan.status !== 'OFFERED') return refuse(planNotFound());
      const [model = null] = await catalog.getModelsByIds(actor, [plan.modelId]);
      if (model === null) return refuse(planNotFound());
      if (model.tenantId === actor.tenantId) return refuse(subscriptionToOwnModel());
      if (model.archivedAt !== null) return refuse(modelArchived(['planId']));
      const { tenantId } = actor;
      return database.transaction<Result<Subscription, SubscribeRefusal>>({ tenantId }, async (tx) => {
        await subscriptions.lockSubscriptions(tx, tenantId);
        const former = await subscriptions.findInForce(tx, tenantId, plan.modelId);
        if (former?.planId === planId) return ok(former);
        const now = clock.now();
        if (former !== null) await subscriptions.cancel(tx, tenantId, former.id, now);
        const subscription = await subscriptions.begin(tx, tenantId, {
          id: newId('subscription', now.getTime()),
          planId,
          modelId: plan.modelId,
          ownerTenantId: plan.tenantId,
          subscribedAt: now,
          subscribedBy: actor.kind === 'user' ? actor.userId : null,
        });
        await audit.record(tx, actor, {
          action: 'subscribe',
          subjectId: subscription.id,
          details: { planId, planName: plan.name, modelId: plan.modelId, endedId: former?.id ?? null },
        });
        return ok(subscription);
      });
    },

    async cancelSubscription(actor, subscriptionId) {
      if (!can(actor, 'SUBSCRIPTION_MANAGE')) return refuse(permissionDenied(actor, 'SUBSCRIPTION_MANAGE'));
      if (kindOfId(subscriptionId) !== 'subscription') return refuse(subscriptionNotFound());
      const { tenantId } = actor;
      return database.transaction<Result<Subscription, SubscriptionNotFound>>({ tenantId }, async (tx) => {
        await subscriptions.lockSubscriptions(tx, tenantId);
        const ended = await subscriptions.cancel(tx, tenantId, subscriptionId, clock.now());
        if (ended === null) return refuse(subscriptionNotFound());
        const { modelId, planId } = ended;
        await audit.record(tx, actor, {
          action: 'cancelSubscription',
          subjectId: subscriptionId,
          details: { modelId, planId },
        });
        return ok(ended);
      });
    },

    async listSubscriptions(actor, input) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const { tenantId } = actor;
      return pageOf(input, (page) =>
        database.transaction({ tenantId }, (tx) => subscriptions.listOwn(tx, tenantId, page)),
      );
    },

    async listSubscribers(actor, model, input) {
      const { tenantId } = actor;
      if (model.tenantId !== tenantId || !can(actor, 'GRANT_MANAGE')) return ok(null);
      return pageOf(input, (page) =>
        database.transaction({ tenantId }, (tx) =>
          subscriptions.listSubscribersAcrossTenants(tx, tenantId, model.id, page),
        ),
      );
    },

    async plansOfModels(actor, modelIds) {
      const found = await database.transaction({ tenantId: actor.tenantId }, (tx) =>
        plans.listOfferedAcrossTenants(tx, modelIds),
      );
      return modelIds.map((id) => found.filter(({ modelId }) => modelId === id));
    },

    getPlansByIds,

    async getSubscriptionsByIds(actor, ids) {
      const wanted = ids.filter((id) => kindOfId(id) === 'subscription');
      const sides = { asSubscriber: can(actor, 'USAGE_READ'), asOwner: can(actor, 'GRANT_MANAGE') };
      if (wanted.length === 0) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await database.transaction({ tenantId }, (tx) =>
        subscriptions.findSubscriptionsAcrossTenants(tx, tenantId, wanted, sides),
      );
      const byId = new Map(found.map((one) => [one.id, one]));
      return ids.map((id) => byId.get(id) ?? null);
    },
  });

  /** Plans of models that the actor sees; with USAGE_READ also those that its tenant took, whatever became of the model. */
  async function getPlansByIds(actor: TenantActor, ids: readonly string[]): Promise<(Plan | null)[]> {
    const wanted = ids.filter((id) => kindOfId(id) === 'plan');
    if (wanted.length === 0) return ids.map(() => null);
    const { tenantId } = actor;
    const [found, taken] = await database.transaction({ tenantId }, async (tx) => [
      await plans.findPlansAcrossTenants(tx, wanted),
      can(actor, 'USAGE_READ') ? await subscriptions.findTakenPlanIds(tx, tenantId, wanted) : [],
    ]);
    const modelIds = [...new Set(found.map(({ modelId }) => modelId))];
    const models = await catalog.getModelsByIds(actor, modelIds);
    const seen = new Set(models.flatMap((model) => (model === null ? [] : [model.id])));
    const byId = new Map(found.map((plan) => [plan.id, plan]));
    return ids.map((id) => {
      const plan = byId.get(id);
      return plan !== undefined && (seen.has(plan.modelId) || taken.includes(id)) ? plan : null;
    });
  }
}
