/** Datasets and evaluations of the actor's own tenant: read, compared, deleted. */
import type { Transactions } from '../../database/index.js';
import { mayBeId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import {
  can,
  permissionDenied,
  type Actor,
  type PermissionDenied,
  type TenantActor,
} from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { compareFigures, type ComparedFigures, type ComparedSide } from './compare.js';
import type { Dataset } from './dataset.js';
import * as datasets from './datasets-store.js';
import * as errors from './errors.js';
import type { Evaluation } from './evaluation.js';
import * as store from './evaluations-store.js';
import { joinRecords } from './records.js';

export interface PageInput {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

export interface EvaluationComparison extends ComparedFigures {
  readonly a: Evaluation;
  readonly b: Evaluation;
}

/** All need MODEL_READ, and show nothing of other tenants. */
export interface EvaluationReads {
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getDatasetsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Dataset | null)[]>;
  getEvaluationsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Evaluation | null)[]>;
  /** Newest first; `null` unless it is the actor's tenant and the actor holds MODEL_READ. */
  datasets(
    actor: Actor,
    tenantId: string,
    input: PageInput,
  ): Promise<Result<Page<Dataset> | null, errors.InvalidInput>>;
  /** Newest first. */
  evaluations(
    actor: TenantActor,
    input: PageInput & { readonly filter?: store.EvaluationFilter | null | undefined },
  ): Promise<Result<Page<Evaluation>, PermissionDenied | errors.InvalidInput>>;
  /** `null` when one of them may not be seen. Refused unless both have finished the same rows of the same data. */
  compareEvaluations(
    actor: TenantActor,
    input: { readonly a: string; readonly b: string },
  ): Promise<Result<EvaluationComparison | null, PermissionDenied | errors.InvalidInput>>;
  /** Needs VERSION_PUBLISH. Refused while an evaluation reads it; evaluations that have ended keep their results. */
  deleteDataset(
    actor: TenantActor,
    input: { readonly datasetId: string },
  ): Promise<Result<{ readonly datasetId: string }, PermissionDenied | errors.NotFound | errors.Conflict>>;
}

/** Without a look at the actor: for use cases that have checked. */
interface Finders {
  findDataset(tenantId: string, id: string): Promise<Dataset | null>;
  findEvaluation(tenantId: string, id: string): Promise<Evaluation | null>;
}

const DATASETS = 'datasets';
const EVALUATIONS = 'evaluations';

export function createEvaluationReads(deps: {
  readonly database: Transactions;
  readonly audit: Pick<AuditService, 'record'>;
  readonly releaseBytesAcrossTenants: (digest: string) => Promise<void>;
}): EvaluationReads & Finders {
  const { database } = deps;
  const datasetsByIds = (tenantId: string, ids: readonly string[]) =>
    database.sql({ tenantId }, (query) => datasets.findDatasets(query, tenantId, ids.filter(mayBeId)));
  const evaluationsByIds = (tenantId: string, ids: readonly string[]) =>
    database.sql({ tenantId }, (query) => store.findEvaluations(query, tenantId, ids.filter(mayBeId)));

  async function sideOf(evaluation: Evaluation): Promise<ComparedSide | null> {
    const { tenantId, id, plan, report } = evaluation;
    if (report === null) return null;
    const chunks = await database.sql({ tenantId }, (query) => store.readChunks(query, tenantId, id));
    return { plan, report, records: joinRecords(chunks.map(({ records }) => records)) };
  }

  return {
    findDataset: async (tenantId, id) => (await datasetsByIds(tenantId, [id]))[0] ?? null,
    findEvaluation: async (tenantId, id) => (await evaluationsByIds(tenantId, [id]))[0] ?? null,

    async getDatasetsByIds(actor, ids) {
      if (!can(actor, 'MODEL_READ')) return ids.map(() => null);
      return inOrder(ids, await datasetsByIds(actor.tenantId, ids));
    },

    async getEvaluationsByIds(actor, ids) {
      if (!can(actor, 'MODEL_READ')) return ids.map(() => null);
      return inOrder(ids, await evaluationsByIds(actor.tenantId, ids));
    },

    async datasets(actor, tenantId, input) {
      if (actor.tenantId !== tenantId || !can(actor, 'MODEL_READ')) return ok(null);
      const page = parsePageRequest(DATASETS, 1, input);
      if (!page.ok) return page;
      const rows = await database.sql({ tenantId }, (query) =>
        datasets.listDatasets(query, tenantId, page.value),
      );
      return ok(toPage(rows, page.value, DATASETS, (row) => [row.id]));
    },

    async evaluations(actor, { filter, ...input }) {
      if (!can(actor, 'MODEL_READ')) return refuse(permissionDenied(actor, 'MODEL_READ'));
      const page = parsePageRequest(EVALUATIONS, 1, input);
      if (!page.ok) return page;
      const { tenantId } = actor;
      const wanted = filter ?? {};
      const isImpossible = Object.values(wanted).some((id) => typeof id === 'string' && !mayBeId(id));
      const rows = isImpossible
        ? []
        : await database.sql({ tenantId }, (query) =>
            store.listEvaluations(query, tenantId, wanted, page.value),
          );
      return ok(toPage(rows, page.value, EVALUATIONS, (row) => [row.id]));
    },

    async compareEvaluations(actor, input) {
      if (!can(actor, 'MODEL_READ')) return refuse(permissionDenied(actor, 'MODEL_READ'));
      const [a, b] = inOrder([input.a, input.b], await evaluationsByIds(actor.tenantId, [input.a, input.b]));
      if (a === null || b === null || a === undefined || b === undefined) return ok(null);
      const mistake = notComparable(a, b);
      if (mistake !== null) return refuse(mistake);
      const [one, other] = [await sideOf(a), await sideOf(b)];
      if (one === null || other === null) throw new Error(`${a.id} or ${b.id} has ended without a report.`);
      return ok({ a, b, ...compareFigures(one, other) });
    },

    async deleteDataset(actor, { datasetId }) {
      if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
      if (!mayBeId(datasetId)) return refuse(errors.datasetNotFound());
      const { tenantId } = actor;
      const deleted = await database.transaction(
        { tenantId },
        async (tx): Promise<Result<string, errors.NotFound | errors.Conflict>> => {
          if (!(await datasets.lockDataset(tx, tenantId, datasetId))) return refuse(errors.datasetNotFound());
          const reading = await store.findUnfinishedOn(tx, tenantId, datasetId);
          if (reading !== null) return refuse(errors.datasetInUse(reading));
          const digest = await datasets.deleteDatasetRow(tx, tenantId, datasetId);
          if (digest === null) return refuse(errors.datasetNotFound());
          await deps.audit.record(tx, actor, {
            action: 'deleteDataset',
            subjectId: datasetId,
            details: { sha256: digest },
          });
          return ok(digest);
        },
      );
      if (!deleted.ok) return deleted;
      // Another dataset of the same content, here or in another tenant, keeps the bytes.
      await deps.releaseBytesAcrossTenants(deleted.value);
      return ok({ datasetId });
    },
  };
}

function notComparable(a: Evaluation, b: Evaluation): errors.InvalidInput | null {
  for (const [path, { status }] of Object.entries({ a, b })) {
    if (status !== 'SUCCEEDED') {
      return errors.invalidInput(
        [path],
        `Only evaluations that SUCCEEDED are compared; this one is ${status}.`,
      );
    }
  }
  if (a.datasetDigest !== b.datasetDigest) {
    return errors.invalidInput(
      ['b'],
      `The evaluations are about different data: "${a.datasetName}" and "${b.datasetName}". Evaluate both versions on one dataset.`,
    );
  }
  if ((a.plan.reading === 'VALUE') !== (b.plan.reading === 'VALUE')) {
    return errors.invalidInput(['b'], 'One evaluation is a classification and the other a regression.');
  }
  return null;
}

function inOrder<T extends { readonly id: string }>(
  ids: readonly string[],
  found: readonly T[],
): (T | null)[] {
  const byId = new Map(found.map((item) => [item.id, item]));
  return ids.map((id) => byId.get(id) ?? null);
}
