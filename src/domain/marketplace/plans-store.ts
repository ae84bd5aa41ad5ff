/** Plans as they are kept. Nothing but `withdrawn_at` ever changes: the application may not write the rest. */
import type { Prisma, Tx } from '../../database/index.js';
import type { IncludedLimit } from './included-limits.js';
import type { NewPlan, Plan } from './plan.js';
import type { PlanTier } from './price.js';

type Row = Prisma.PlanGetPayload<object>;

function fromRow(row: Row): Plan {
  return {
    id: row.id,
    tenantId: row.tenantId,
    modelId: row.modelId,
    name: row.name,
    currency: row.currency,
    pricePerThousandMicros: Number(row.pricePerThousandMicros),
    pricePerComputeSecondMicros: Number(row.pricePerComputeSecondMicros),
    freePredictionsPerMonth: Number(row.freePredictionsPerMonth),
    // As `checkNewPlan` let them in.
    tiers: row.tiers as unknown as PlanTier[],
    includedLimits: row.includedLimits as unknown as IncludedLimit[],
    status: row.withdrawnAt === null ? 'OFFERED' : 'WITHDRAWN',
    createdAt: row.createdAt,
    withdrawnAt: row.withdrawnAt,
  };
}

/** The caller holds the model's lock: without it, two of one name would both try. */
export async function insertPlan(
  tx: Tx,
  tenantId: string,
  plan: NewPlan & {
    readonly id: string;
    readonly modelId: string;
    readonly createdAt: Date;
    readonly createdBy: string | null;
  },
): Promise<Plan> {
  const row = await tx.plan.create({
    data: {
      id: plan.id,
      tenantId,
      modelId: plan.modelId,
      name: plan.name,
      currency: plan.currency,
      pricePerThousandMicros: BigInt(plan.pricePerThousandMicros),
      pricePerComputeSecondMicros: BigInt(plan.pricePerComputeSecondMicros),
      freePredictionsPerMonth: BigInt(plan.freePredictionsPerMonth),
      tiers: plan.tiers.map(({ from, pricePerThousandMicros }) => ({ from, pricePerThousandMicros })),
      includedLimits: plan.includedLimits.map((limit) => ({ ...limit })),
      createdAt: plan.createdAt,
      createdBy: plan.createdBy,
    },
  });
  return fromRow(row);
}

/** Takes a plan of the tenant's own off the market. `null`: there is none such on offer. */
export async function withdrawPlan(
  tx: Tx,
  tenantId: string,
  planId: string,
  now: Date,
): Promise<Plan | null> {
  const [row] = await tx.plan.updateManyAndReturn({
    where: { id: planId, tenantId, withdrawnAt: null },
    data: { withdrawnAt: now },
  });
  return row === undefined ? null : fromRow(row);
}

/** Those on offer, the oldest first. The caller has made sure that the actor sees the models. */
export async function listOfferedAcrossTenants(tx: Tx, modelIds: readonly string[]): Promise<Plan[]> {
  const rows = await tx.plan.findMany({
    where: { modelId: { in: [...modelIds] }, withdrawnAt: null },
    orderBy: { id: 'asc' },
  });
  return rows.map(fromRow);
}

/** As far as row-level security shows them: of models that the tenant sees, and those that it took. */
export async function findPlansAcrossTenants(tx: Tx, ids: readonly string[]): Promise<Plan[]> {
  const rows = await tx.plan.findMany({ where: { id: { in: [...ids] } } });
  return rows.map(fromRow);
}
