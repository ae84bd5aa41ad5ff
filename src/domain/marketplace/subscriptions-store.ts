/** Subscriptions as they are kept: one row for a tenant and a plan, however often it comes and goes. */
import type { Prisma, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Subscription } from './plan.js';

type Row = Prisma.SubscriptionGetPayload<object>;

function fromRow(row: Row): Subscription {
  return {
    id: row.id,
    tenantId: row.tenantId,
    planId: row.planId,
    modelId: row.modelId,
    ownerTenantId: row.ownerTenantId,
    status: row.cancelledAt === null ? 'ACTIVE' : 'CANCELLED',
    subscribedAt: row.subscribedAt,
    cancelledAt: row.cancelledAt,
  };
}

/** Until the transaction ends, nobody else makes or ends a subscription of the tenant. */
export async function lockSubscriptions(tx: Tx, tenantId: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${`subscriptions ${tenantId}`}, 0))`;
}

/** The one in force for the model, if any. */
export async function findInForce(tx: Tx, tenantId: string, modelId: string): Promise<Subscription | null> {
  const row = await tx.subscription.findFirst({ where: { tenantId, modelId, cancelledAt: null } });
  return row === null ? null : fromRow(row);
}

/** Begins it, or begins it again under the id that it had. The caller holds the lock. */
export async function begin(
  tx: Tx,
  tenantId: string,
  subscription: Pick<Subscription, 'id' | 'planId' | 'modelId' | 'ownerTenantId' | 'subscribedAt'> & {
    readonly subscribedBy: string | null;
  },
): Promise<Subscription> {
  const { planId, subscribedAt, subscribedBy } = subscription;
  const [again] = await tx.subscription.updateManyAndReturn({
    where: { tenantId, planId },
    data: { subscribedAt, subscribedBy, cancelledAt: null },
  });
  if (again !== undefined) return fromRow(again);
  return fromRow(
    await tx.subscription.create({ data: { ...subscription, tenantId, createdAt: subscribedAt } }),
  );
}

/** `null`: the tenant has none such in force. */
export async function cancel(
  tx: Tx,
  tenantId: string,
  subscriptionId: string,
  now: Date,
): Promise<Subscription | null> {
  const [row] = await tx.subscription.updateManyAndReturn({
    where: { id: subscriptionId, tenantId, cancelledAt: null },
    data: { cancelledAt: now },
  });
  return row === undefined ? null : fromRow(row);
}

/** The tenant's own, the newest first; one row more than the page. */
export async function listOwn(tx: Tx, tenantId: string, page: PageRequest): Promise<Subscription[]> {
  const rows = await tx.subscription.findMany({
    where: { tenantId, ...olderThan(page) },
    orderBy: { id: 'desc' },
    take: page.first + 1,
  });
  return rows.map(fromRow);
}

/** Those in force on a model of the tenant, the newest first; one row more than the page. */
export async function listSubscribersAcrossTenants(
  tx: Tx,
  tenantId: string,
  modelId: string,
  page: PageRequest,
): Promise<Subscription[]> {
  const rows = await tx.subscription.findMany({
    where: { ownerTenantId: tenantId, modelId, cancelledAt: null, ...olderThan(page) },
    orderBy: { id: 'desc' },
    take: page.first + 1,
  });
  return rows.map(fromRow);
}

/** Those that the tenant has (`asSubscriber`), and those in force on its models (`asOwner`), in any order. */
export async function findSubscriptionsAcrossTenants(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  sides: { readonly asSubscriber: boolean; readonly asOwner: boolean },
): Promise<Subscription[]> {
  const either = [
    ...(sides.asSubscriber ? [{ tenantId }] : []),
    ...(sides.asOwner ? [{ ownerTenantId: tenantId, cancelledAt: null }] : []),
  ];
  if (either.length === 0) return [];
  const rows = await tx.subscription.findMany({ where: { id: { in: [...ids] }, OR: either } });
  return rows.map(fromRow);
}

/** Which of the plans the tenant has, or had. */
export async function findTakenPlanIds(
  tx: Tx,
  tenantId: string,
  planIds: readonly string[],
): Promise<string[]> {
  const rows = await tx.subscription.findMany({
    where: { tenantId, planId: { in: [...planIds] } },
    select: { planId: true },
  });
  return rows.map(({ planId }) => planId);
}

function olderThan(page: PageRequest): { readonly id?: { readonly lt: string } } {
  return page.after === null ? {} : { id: { lt: String(page.after[0]) } };
}
