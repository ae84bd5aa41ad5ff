/** What the ledger keeps of a charged prediction, and what it is summed by. */

import type { Period } from './quota.js';

/** What a prediction takes before it runs. What it is charged after is never more, in any measure. */
export interface Claim {
  readonly predictions: number;
  readonly rows: number;
  /** Of its inputs. */
  readonly bytes: number;
  /** At most this much of its run is charged. */
  readonly computeUs: number;
  /** The highest price that it can have, in millionths of the subscription's currency. */
  readonly costMicros: number;
}

export interface ReserveRequest {
  /** Predictions. */
  readonly units: number;
  readonly timeoutMs: number;
  /** What is run. Left away: limits of single models do not count. */
  readonly modelId?: string | null;
  /** By which the price is asked; needs `units` of 1. Its predictions are counted: see `Reservation.ordinal`. */
  readonly subscription?: { readonly id: string; readonly currency: string } | null;
  /** The rest of the claim; what is left away is 0, and for compute as much as it takes. */
  readonly rows?: number;
  readonly bytes?: number;
  readonly computeUs?: number;
  readonly costMicros?: number;
}

export function claimOf(request: ReserveRequest): Claim {
  const { units, rows = 0, bytes = 0, computeUs = Number.MAX_SAFE_INTEGER, costMicros = 0 } = request;
  return { predictions: units, rows, bytes, computeUs, costMicros };
}

/** Units drawn for one prediction, until it is charged or has failed. Made by `LeaseBook`. */
export interface Reservation {
  readonly tenantId: string;
  readonly leaseId: string;
  readonly units: number;
  /** What it is charged at most, in every measure. */
  readonly claim: Claim;
  /** The month that pays. */
  readonly period: Period;
  /** The day that pays: it is dated to it, whenever it is answered. */
  readonly day: Period;
  /**
   * Its place among the predictions of its subscription in this month, from 1 on: each is given out once, the lowest
   * first, and one of a prediction that failed is given out again. `null` without a subscription.
   */
  readonly ordinal: number | null;
  /** Left under the tightest limit once this is charged; `null`: unlimited. */
  readonly remaining: number | null;
  /** The tenant's share of the pool when it is busy; 1 is normal. */
  readonly weight: number;
}

/** A charge that is durable. */
export interface Charged {
  /** Lies in the month that pays. */
  readonly chargedAt: Date;
}

/** What ran: the facts of a receipt. Whoever sends it was answered from exactly these. */
export interface Charge {
  readonly predictionId: string;
  readonly ownerTenantId: string;
  readonly modelId: string;
  /** `owner/name` at this time. */
  readonly modelName: string;
  readonly versionId: string;
  readonly versionNumber: number;
  readonly digest: string;
  /** By which it was asked for; `null`: by number, by id or as the newest. */
  readonly alias: string | null;
  readonly runtime: string;
  readonly worker: string;
  readonly batchSize: number;
  readonly batchRows: number;
  readonly rows: number;
  /** Of the inputs. */
  readonly bytes: number;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly loadMs: number;
  /** Of the run, which all of its batch shared. */
  readonly computeMs: number;
  /** What of it is charged: this prediction's share, in whole microseconds (`computeShareUs`). */
  readonly computeUs: number;
  /** Millionths of `currency`. */
  readonly costMicros: number;
  /** ISO 4217; `null`: nothing is asked for it. */
  readonly currency: string | null;
  readonly subscriptionId: string | null;
}

/**
 * A prediction's share of the run that it was batched into, in whole microseconds, rounded up: by its rows. A run of
 * nothing (0 rows) is shared by requests.
 */
export function computeShareUs(run: Pick<Charge, 'computeMs' | 'rows' | 'batchRows' | 'batchSize'>): number {
  const share = run.batchRows === 0 ? 1 / Math.max(1, run.batchSize) : run.rows / run.batchRows;
  return Math.ceil(run.computeMs * 1000 * share);
}

/** How much longer a run may take than it did when the version was published, before the rest of it is free. */
const SLOWEST = 10;
const LEAST_CLAIM_US = 1_000;

/**
 * The compute that a prediction claims before it runs: generous, since what it does not take comes back at once. Never more
 * than its deadline. @param measuredMs of one row
 */
export function computeClaimUs(measuredMs: number | null, rows: number, timeoutMs: number): number {
  const deadlineUs = Math.max(LEAST_CLAIM_US, Math.ceil(timeoutMs * 1000));
  if (measuredMs === null) return deadlineUs;
  const expectedUs = Math.ceil(measuredMs * 1000 * Math.max(1, rows));
  return Math.min(deadlineUs, Math.max(LEAST_CLAIM_US, expectedUs * SLOWEST));
}

/** One row of the ledger, as its tenant reads it. */
export interface UsageEvent extends Charge {
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly requestId: string;
  readonly units: number;
  readonly createdAt: Date;
}

export type UsageEventKind = 'PREDICTION' | 'CORRECTION' | 'REFUND';

export const USAGE_DIMENSIONS = ['MODEL', 'VERSION', 'API_KEY'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** How long the spans of time are that usage is divided into; in UTC. */
export type UsageGranularity = 'HOUR' | 'DAY' | 'MONTH';

/** What was charged, less what was taken back. */
export interface UsageSum {
  readonly predictions: number;
  readonly rows: number;
  /** Of the inputs. */
  readonly bytes: number;
  /** Charged: each prediction's share of its run. */
  readonly computeMs: number;
  /** By currency, in its order. */
  readonly cost: readonly Money[];
}

export interface Money {
  /** Millionths of the currency. */
  readonly amountMicros: number;
  /** ISO 4217. */
  readonly currency: string;
}

export interface UsageRow {
  readonly model: string | null;
  readonly modelId: string | null;
  readonly versionNumber: number | null;
  readonly versionId: string | null;
  readonly apiKeyId: string | null;
  readonly periodStart: Date | null;
  readonly sum: UsageSum;
}

export interface UsageReport {
  readonly total: UsageSum;
  readonly rows: readonly UsageRow[];
}
