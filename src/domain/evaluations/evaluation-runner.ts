/**
 * Runs evaluations. The queue is the table, as for publications: whoever holds the lease of an evaluation runs it, and
 * only the holder keeps results. A process that dies stops renewing, and after the lease another goes on behind the
 * last chunk that was kept.
 */
import { isDatabaseUnavailable } from '../../database/index.js';
import type { Logger } from '../../lib/logger.js';
import type { Outcomes } from '../versions/index.js';
import { MAX_ATTEMPTS, type Evaluation, type EvaluationFailure } from './evaluation.js';
import * as store from './evaluations-store.js';
import { joinRecords } from './records.js';
import { makeReport, type EvaluationReport } from './report.js';
import { keyOf, runEvaluation, type RunDeps } from './run-evaluation.js';

export interface RunnerDeps extends RunDeps {
  readonly log: Logger;
  /** Unique to this process's life. */
  readonly owner: string;
  readonly outcomes: Outcomes;
}

/** How long an evaluation rests after a fault. */
const RETRY_MS = 1_000;

export class EvaluationRunner {
  readonly #deps: RunnerDeps;
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  #filling: Promise<void> = Promise.resolve();
  #isFilling = false;
  #wantsMore = false;
  #isStopped = true;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  /** Stops what runs; it is free for the next process at once, and goes on where it was. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#filling;
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Says that there may be something to run. Cheap, and may be called at any time. */
  wake(): void {
    this.#wantsMore = true;
    if (this.#isFilling || this.#isStopped) return;
    this.#isFilling = true;
    this.#filling = this.#fillAcrossTenants().finally(() => {
      this.#isFilling = false;
    });
  }

  /** Ends the run of a cancelled evaluation without waiting for its next chunk. */
  interrupt(evaluationId: string): void {
    this.#running.get(evaluationId)?.stop.abort();
  }

  async #fillAcrossTenants(): Promise<void> {
    const { database, limits, leaseMs, owner, log } = this.#deps;
    try {
      while (this.#wantsMore && !this.#isStopped) {
        this.#wantsMore = false;
        while (this.#running.size < limits.maxConcurrentEvaluations && !this.#isStopped) {
          const claimed = await database.sql({ acrossTenants: true }, (query) =>
            store.claimNextAcrossTenants(query, owner, leaseMs),
          );
          if (claimed === null) break;
          this.#begin(claimed);
        }
      }
    } catch (error) {
      // While the database is away this is no defect. The service wakes the runner again every few seconds.
      const level = isDatabaseUnavailable(error) ? 'warn' : 'error';
      log[level]({ err: error }, 'evaluations could not be claimed; trying again');
    }
  }

  #begin(evaluation: Evaluation): void {
    const stop = new AbortController();
    const done = this.#run(evaluation, stop)
      .catch((error: unknown) => {
        this.#deps.log.error(
          { err: error, evaluationId: evaluation.id },
          'an evaluation failed; it will be retried',
        );
      })
      .finally(() => {
        this.#running.delete(evaluation.id);
        this.#deps.outcomes.announce(evaluation.id);
        this.wake();
      });
    this.#running.set(evaluation.id, { stop, done });
  }

  async #run(evaluation: Evaluation, stop: AbortController): Promise<void> {
    const { owner } = this.#deps;
    if (evaluation.attempts > MAX_ATTEMPTS) {
      const message = `The evaluation was begun ${MAX_ATTEMPTS} times and got no further.`;
      return this.#end(evaluation, { code: 'PREDICTION_FAILED', message });
    }
    const release = this.#holdLease(evaluation, stop);
    try {
      const outcome = await runEvaluation(this.#deps, evaluation, owner, stop.signal);
      if (outcome.kind === 'STOPPED') await this.#putBack(evaluation, { refundAttempts: 1, restMs: 0 });
      else await this.#end(evaluation, outcome.kind === 'FAILED' ? outcome.failure : null);
    } catch (error) {
      // Should this fail too, the lease ends by itself.
      await this.#putBack(evaluation, { refundAttempts: 0, restMs: RETRY_MS }).catch(() => undefined);
      throw error;
    } finally {
      await release();
    }
  }

  /** With a report of what was done, also when it failed. */
  async #end(evaluation: Evaluation, failure: EvaluationFailure | null): Promise<void> {
    const { database, owner, log } = this.#deps;
    const { id, tenantId } = evaluation;
    const report = await reportOf(this.#deps, evaluation);
    await database.sql({ tenantId }, (query) =>
      store.endEvaluation(query, tenantId, id, owner, report, failure),
    );
    if (failure !== null) return;
    // Every row has its record: the answers are asked for no more.
    const chunks = Math.ceil(evaluation.rows / evaluation.plan.batchRows);
    const keys = Array.from({ length: chunks }, (_, index) => keyOf(id, index));
    await this.#deps.predictions.forgetOutputs(evaluation, keys).catch((error: unknown) => {
      // It has ended all the same; some bytes stay that nobody needs.
      log.warn({ err: error, evaluationId: id }, 'the kept answers of an evaluation could not be let go');
    });
  }

  /** Back into the queue, if it is still ours. */
  async #putBack(
    { id, tenantId }: Evaluation,
    how: { readonly refundAttempts: number; readonly restMs: number },
  ): Promise<void> {
    const { database, owner } = this.#deps;
    await database.sql({ tenantId }, (query) => store.requeue(query, tenantId, id, owner, how));
  }

  /** Renews the lease while a chunk takes its time; stops the run when somebody else holds it, or it was cancelled. */
  #holdLease({ id, tenantId }: Evaluation, stop: AbortController): () => Promise<void> {
    const { database, owner, leaseMs, log } = this.#deps;
    let renewing: Promise<void> = Promise.resolve();
    let isRenewing = false;
    const renew = async () => {
      try {
        const isHeld = await database.sql({ tenantId }, (query) =>
          store.renewLease(query, tenantId, id, owner, leaseMs),
        );
        if (!isHeld) stop.abort();
      } catch (error) {
        log.warn({ err: error, evaluationId: id }, 'the lease of an evaluation could not be renewed');
      } finally {
        isRenewing = false;
      }
    };
    const timer = setInterval(() => {
      if (isRenewing) return;
      isRenewing = true;
      renewing = renew();
    }, leaseMs / 4);
    return async () => {
      clearInterval(timer);
      await renewing;
    };
  }
}

/** Of the rows that are done; `null` when there are none. */
export async function reportOf(
  { database }: Pick<RunDeps, 'database'>,
  { id, tenantId, plan }: Pick<Evaluation, 'id' | 'tenantId' | 'plan'>,
): Promise<EvaluationReport | null> {
  const chunks = await database.sql({ tenantId }, (query) => store.readChunks(query, tenantId, id));
  if (chunks.length === 0) return null;
  const computeMs = chunks.reduce((sum, chunk) => sum + chunk.computeMs, 0);
  return makeReport(plan, joinRecords(chunks.map(({ records }) => records)), computeMs);
}
