/**
 * Runs evaluations. The queue is the table, as for publications: whoever holds the lease of an evaluation runs it, and
 * only the holder keeps results. A process that dies stops renewing, and after the lease another goes on behind the
 * last chunk that was kept.
 */
import { isDatabaseUnavailable } from '../../database/index.js';
import { ClaimLoop } from '../../lib/claim-loop.js';
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
/** Its rest is over by the database's clock when this one looks again. */
const RETRY_MARGIN_MS = 50;

export class EvaluationRunner {
  readonly #deps: RunnerDeps;
  readonly #loop: ClaimLoop<Evaluation>;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    const { database, limits, leaseMs, owner, log, outcomes } = deps;
    this.#loop = new ClaimLoop({
      maxRunning: limits.maxConcurrentEvaluations,
      claim: () =>
        database.sql({ acrossTenants: true }, (query) => store.claimNextAcrossTenants(query, owner, leaseMs)),
      idOf: ({ id }) => id,
      run: (evaluation, stop) => this.#run(evaluation, stop),
      onClaimFault: (fault) => {
        // While the database is away this is no defect.
        const level = isDatabaseUnavailable(fault) ? 'warn' : 'error';
        log[level]({ err: fault }, 'evaluations could not be claimed; trying again');
      },
      onRunFault: (fault, evaluationId) =>
        log.error({ err: fault, evaluationId }, 'an evaluation failed; it will be retried'),
      onEnd: outcomes.announce,
      retryMs: RETRY_MS + RETRY_MARGIN_MS,
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Stops what runs; it is free for the next process at once, and goes on where it was. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Says that there may be something to run. Cheap, and may be called at any time. */
  wake(): void {
    this.#loop.wake();
  }

  /** Ends the run of a cancelled evaluation without waiting for its next chunk. */
  interrupt(evaluationId: string): void {
    this.#loop.interrupt(evaluationId);
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
