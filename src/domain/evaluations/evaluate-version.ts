/** The use cases that begin, stop and take up evaluations. The runner does the rest. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import type { ModelNotFound } from '../catalog/index.js';
import type { EntitlementRefusal } from '../marketplace/index.js';
import type { PredictionsService } from '../predictions/index.js';
import type { Outcomes, VersionsService } from '../versions/index.js';
import { lockDataset } from './datasets-store.js';
import type { Dataset } from './dataset.js';
import * as errors from './errors.js';
import { isFinished, type Evaluation, type EvaluationLimits } from './evaluation.js';
import * as store from './evaluations-store.js';
import { makePlan, type EvaluationOptions } from './plan.js';
import { reportOf } from './evaluation-runner.js';

export interface EvaluateVersionInput extends EvaluationOptions {
  readonly versionId: string;
  readonly datasetId: string;
  /** How long to wait for the end, 0 to 120,000. */
  readonly waitMs?: number | null | undefined;
  /** Ends the waiting, not the evaluation. */
  readonly signal?: AbortSignal | undefined;
}

type Refusals =
  | PermissionDenied
  | ModelNotFound
  | EntitlementRefusal
  | errors.InvalidInput
  | errors.NotFound
  | errors.Conflict;
type Answer = Promise<Result<Evaluation, Refusals>>;

export interface EvaluationCommands {
  /** Begins to run a version over a dataset. Needs PREDICTION_RUN, and the right to run the version. */
  evaluateVersion(actor: TenantActor, input: EvaluateVersionInput): Answer;
  /** Ends one; what was done is kept. Needs PREDICTION_RUN. */
  cancelEvaluation(actor: TenantActor, input: { readonly evaluationId: string }): Answer;
  /** Goes on with one that failed or was cancelled, behind the last row that is done. Needs PREDICTION_RUN. */
  resumeEvaluation(actor: TenantActor, input: { readonly evaluationId: string }): Answer;
}

export interface EvaluationCommandsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly versions: Pick<VersionsService, 'getVersion'>;
  readonly predictions: Pick<PredictionsService, 'findRunnable'>;
  readonly limits: EvaluationLimits;
  readonly outcomes: Outcomes;
  readonly findDataset: (tenantId: string, id: string) => Promise<Dataset | null>;
  readonly findEvaluation: (tenantId: string, id: string) => Promise<Evaluation | null>;
  readonly runner: { wake(): void; interrupt(evaluationId: string): void };
}

const MAX_WAIT_MS = 120_000;

export function createEvaluationCommands(deps: EvaluationCommandsDeps): EvaluationCommands {
  const { database, clock, audit, limits, outcomes, runner } = deps;

  async function evaluateVersion(actor: TenantActor, input: EvaluateVersionInput): Answer {
    if (!can(actor, 'PREDICTION_RUN')) return refuse(permissionDenied(actor, 'PREDICTION_RUN'));
    const waitMs = input.waitMs ?? 0;
    if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > MAX_WAIT_MS) {
      return refuse(errors.invalidInput(['waitMs'], `waitMs is a whole number from 0 to ${MAX_WAIT_MS}.`));
    }
    const runnable = await deps.predictions.findRunnable(actor, { versionId: input.versionId });
    if (!runnable.ok) return refuse({ ...runnable.error, path: ['versionId'] });
    const { tenantId } = actor;
    const dataset = mayBeId(input.datasetId) ? await deps.findDataset(tenantId, input.datasetId) : null;
    if (dataset === null) return refuse(errors.datasetNotFound());
    const { signature, artifact, id: versionId } = runnable.value;
    // A key that may run a version but not browse it plans without the trial's figures.
    const version = await deps.versions.getVersion(actor, versionId);
    const trial = version?.trials.find(({ runtime }) => runtime === artifact.runtime);
    const plan = makePlan(dataset, { signature, batchComputeMs: trial?.batchComputeMs ?? null }, input);
    if (!plan.ok) return plan;

    const now = clock.now();
    const evaluation: Evaluation = {
      id: newId('evaluation', now.getTime()),
      tenantId,
      versionId,
      datasetId: dataset.id,
      datasetName: dataset.name,
      datasetDigest: dataset.digest,
      rows: dataset.rows,
      plan: plan.value,
      status: 'QUEUED',
      rowsDone: 0,
      charged: 0,
      report: null,
      failure: null,
      createdBy: actor.kind === 'user' ? actor.userId : actor.apiKeyId,
      requestId: actor.requestId,
      attempts: 0,
      createdAt: now,
      startedAt: null,
      finishedAt: null,
    };
    const begun = await insert(actor, evaluation);
    if (!begun.ok) return begun;
    // Before the runner is woken, so that even the quickest end is heard.
    const ended = outcomes.wait(evaluation.id, waitMs, input.signal);
    runner.wake();
    await ended;
    return ok((await deps.findEvaluation(tenantId, evaluation.id)) ?? evaluation);
  }

  function insert(actor: TenantActor, evaluation: Evaluation): Promise<Result<null, Refusals>> {
    const { tenantId } = actor;
    return database.transaction({ tenantId }, async (tx): Promise<Result<null, Refusals>> => {
      // Held to the end: it cannot be deleted between being found and being referred to. It also counts one at a time.
      if (!(await lockDataset(tx, tenantId, evaluation.datasetId))) return refuse(errors.datasetNotFound());
      if ((await store.countUnfinished(tx, tenantId)) >= limits.maxUnfinished) {
        return refuse(errors.tooManyEvaluations(limits.maxUnfinished));
      }
      await store.insertEvaluation(tx, tenantId, evaluation);
      const { versionId, datasetId, rows } = evaluation;
      await audit.record(tx, actor, {
        action: 'evaluateVersion',
        subjectId: evaluation.id,
        details: { versionId, datasetId, rows },
      });
      return ok(null);
    });
  }

  /** The change of state and its record, if the evaluation is in a state for it. */
  async function change(
    actor: TenantActor,
    evaluationId: string,
    action: 'cancelEvaluation' | 'resumeEvaluation',
  ): Answer {
    if (!can(actor, 'PREDICTION_RUN')) return refuse(permissionDenied(actor, 'PREDICTION_RUN'));
    const { tenantId } = actor;
    const found = mayBeId(evaluationId) ? await deps.findEvaluation(tenantId, evaluationId) : null;
    if (found === null) return refuse(errors.evaluationNotFound());
    return database.transaction({ tenantId }, async (tx): Promise<Result<Evaluation, Refusals>> => {
      if (action === 'resumeEvaluation' && !(await lockDataset(tx, tenantId, found.datasetId))) {
        return refuse(errors.datasetNotFound());
      }
      const isChanged =
        action === 'cancelEvaluation'
          ? await store.cancel(tx, tenantId, evaluationId)
          : await store.resume(tx, tenantId, evaluationId);
      if (!isChanged) {
        return refuse(
          isFinished(found) && action === 'cancelEvaluation'
            ? errors.evaluationEnded(found.status)
            : errors.notResumable(found.status),
        );
      }
      await audit.record(tx, actor, { action, subjectId: evaluationId, details: {} });
      return ok(found);
    });
  }

  return {
    evaluateVersion,

    async cancelEvaluation(actor, { evaluationId }) {
      const changed = await change(actor, evaluationId, 'cancelEvaluation');
      if (!changed.ok) return changed;
      runner.interrupt(evaluationId);
      const { tenantId } = actor;
      // Nobody adds rows any more, so what is there now is what was done.
      const report = await reportOf({ database }, changed.value);
      if (report !== null) {
        await database.sql({ tenantId }, (query) => store.keepReport(query, tenantId, evaluationId, report));
      }
      outcomes.announce(evaluationId);
      return ok((await deps.findEvaluation(tenantId, evaluationId)) ?? changed.value);
    },

    async resumeEvaluation(actor, { evaluationId }) {
      const changed = await change(actor, evaluationId, 'resumeEvaluation');
      if (!changed.ok) return changed;
      runner.wake();
      return ok((await deps.findEvaluation(actor.tenantId, evaluationId)) ?? changed.value);
    },
  };
}
