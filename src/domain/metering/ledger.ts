/** What the ledger keeps of a charged prediction, and what it is summed by. */

import type { Period } from './quota.js';

/** Units drawn for one prediction, until it is charged or has failed. Made by `LeaseBook`. */
export interface Reservation {
  readonly tenantId: string;
  readonly leaseId: string;
  readonly units: number;
  /** The month that pays. */
  readonly period: Period;
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
