import type { Refusal } from '../../lib/result.js';
import type { Plan } from './plan.js';
import type { EvaluationReport } from './report.js';

export const EVALUATION_STATUSES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] as const;
export type EvaluationStatus = (typeof EVALUATION_STATUSES)[number];

/** One version run over one dataset: a job that survives the process which runs it. */
export interface Evaluation {
  /** Starts with `evl_`. */
  readonly id: string;
  /** Who asked, and is charged. */
  readonly tenantId: string;
  readonly versionId: string;
  readonly datasetId: string;
  readonly datasetName: string;
  /** Of the canonical form: results of the same digest are about the same rows. */
  readonly datasetDigest: string;
  readonly rows: number;
  readonly plan: Plan;
  readonly status: EvaluationStatus;
  /** Rows whose results are kept. */
  readonly rowsDone: number;
  /** Predictions charged so far. */
  readonly charged: number;
  /** Of the rows that were done; `null` until it ended. */
  readonly report: EvaluationReport | null;
  /** Why it FAILED. */
  readonly failure: EvaluationFailure | null;
  /** Id of the user or API key that asked, for whom it runs. */
  readonly createdBy: string | null;
  readonly requestId: string;
  /** How often it was begun since a chunk last got through. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export type EvaluationFailure = Pick<Refusal, 'code' | 'message'>;

export function isFinished({ status }: Pick<Evaluation, 'status'>): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}

/** One that was begun this often without getting a chunk through takes the server down with it, or cannot run here. */
export const MAX_ATTEMPTS = 3;

export interface EvaluationLimits {
  /** That this process runs at one time. */
  readonly maxConcurrentEvaluations: number;
  /** Per tenant: that wait or run. */
  readonly maxUnfinished: number;
  /** For one chunk: waiting, loading and computing. */
  readonly chunkTimeoutMs: number;
}

export const DEFAULT_EVALUATION_LIMITS: EvaluationLimits = Object.freeze({
  maxConcurrentEvaluations: 2,
  maxUnfinished: 100,
  chunkTimeoutMs: 120_000,
});
