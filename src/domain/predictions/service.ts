import type { Transactions } from '../../database/index.js';
import { RUNTIMES, type RuntimeName } from '../../inference/index.js';
import { kindOfId, mayBeId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Tensor } from '../../lib/tensor.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import { modelNotFound, type ModelNotFound } from '../catalog/index.js';
import type { EntitlementRefusal, MarketplaceService } from '../marketplace/index.js';
import type { MeteringService } from '../metering/index.js';
import { parseTarget } from './check-command.js';
import type { InvalidInput, Overloaded } from './errors.js';
import { createIdempotency, type Outcome } from './idempotency.js';
import { createLedgerReads, type PredictionFilter } from './ledger-rows.js';
import { DEFAULT_INPUT_LIMITS, type InputLimits } from './limits.js';
import { createLoadFailures } from './load-failures.js';
import { createFindRunnable } from './find-runnable.js';
import { createPredict, type PredictDeps } from './predict.js';
import type { PredictCommand, Prediction, PredictTarget, RunnableVersion } from './prediction.js';
import { createQuote, type Quote } from './quote.js';
import { createRunnableVersions } from './runnable-versions.js';
import { createRefuseIfFull, type PoolQueue } from './refuse-if-full.js';
import { createPredictionsStore, dropOutputs } from './store.js';

/** One call of `predict`, however it ended: for metrics and logs. */
export interface PredictObservation {
  readonly actor: TenantActor;
  /** `OK`, `REPLAYED`, a refusal's code, or `FAULT`. */
  readonly outcome: string;
  readonly durationMs: number;
  /** `null` unless it was answered. */
  readonly prediction: Prediction | null;
}

export interface PredictionsService {
  /** Runs a version once. Charged when it is answered, never when it fails. @param signal fires when the caller goes */
  predict(actor: TenantActor, command: PredictCommand, signal: AbortSignal): Promise<Outcome>;
  /** False while `refuseIfFull` refuses nobody, which is cheaper to ask. */
  mayBeFull(): boolean;
  /**
   * The refusal that a prediction of this tenant would end with because its queue is full, whatever version and inputs it
   * names; `null` when it must be looked at. Counts as a prediction that was asked for and refused. Not for requests with an
   * idempotency key: the answer to one may be there already.
   */
  refuseIfFull(actor: TenantActor): Overloaded | null;
  /** Gives back claims on idempotency keys that could not be while the database was away; rejects while it still is. */
  giveBackClaimsAcrossTenants(): Promise<void>;
  /** What a prediction would cost, and whether it would be admitted. Runs, reserves and counts nothing. */
  quote(actor: TenantActor, command: PredictCommand): Promise<Quote>;
  /** What a target would run, if the actor may run it. Runs and charges nothing. */
  findRunnable(
    actor: TenantActor,
    target: PredictTarget,
  ): Promise<Result<RunnableVersion, ModelNotFound | EntitlementRefusal>>;
  /** `null` when it is not the tenant's. Needs USAGE_READ. */
  prediction(actor: TenantActor, id: string): Promise<Result<Prediction | null, PermissionDenied>>;
  /** Newest first. Needs USAGE_READ. */
  predictions(
    actor: TenantActor,
    input: PredictionsInput,
  ): Promise<Result<Page<Prediction>, PermissionDenied | InvalidInput>>;
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getPredictionsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Prediction | null)[]>;
  /** Lets go of the answers kept with these idempotency keys of the tenant, for a caller who will not ask again. */
  forgetOutputs(actor: Pick<TenantActor, 'tenantId'>, idempotencyKeys: readonly string[]): Promise<void>;
  /** The answer that was kept with an idempotency key; `null` when none was. Needs USAGE_READ. */
  readKeptOutputs(actor: TenantActor, predictionId: string): Promise<readonly Tensor[] | null>;
}

export interface PredictionsInput {
  readonly filter?: PredictionFilter | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

export interface PredictionsDeps extends Pick<PredictDeps, 'infer' | 'clock'> {
  readonly metering: PredictDeps['metering'] & Pick<MeteringService, 'outlook'>;
  readonly marketplace: Pick<MarketplaceService, 'entitlementFor'>;
  /** Left away: whether there is room shows when a job is offered to the pool. */
  readonly queue?: PoolQueue;
  /** Where the pack of a version lies on this machine. */
  readonly packPath: (packDigest: string) => string;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly database: Transactions;
  readonly limits?: InputLimits;
  readonly defaultTimeoutMs?: number;
  readonly claimMarginMs?: number;
  /** As in `MeteringDeps`: claims on idempotency keys that are older belong to a dead process. */
  readonly othersDiedBefore?: Date | null;
  /** Engines that can serve here, in the operator's order. Default: all. */
  readonly engines?: readonly RuntimeName[];
  readonly observe?: (observation: PredictObservation) => void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_CLAIM_MARGIN_MS = 30_000;
const SORT = 'predictions';
const NEVER_FULL: PoolQueue = {
  mayBeFull: () => false,
  foresee: () => null,
  noteRefusal: () => undefined,
};

export function createPredictionsService(deps: PredictionsDeps): PredictionsService {
  const { clock, log, queue = NEVER_FULL } = deps;
  const store = createPredictionsStore(deps.database, deps.othersDiedBefore ?? null);
  const ledger = createLedgerReads(deps.database);
  const claimMarginMs = deps.claimMarginMs ?? DEFAULT_CLAIM_MARGIN_MS;
  const versions = createRunnableVersions(deps.database, clock, {
    engines: deps.engines ?? RUNTIMES,
    packPath: deps.packPath,
  });
  const findRunnable = createFindRunnable({
    versions,
    marketplace: deps.marketplace,
    limits: deps.limits ?? DEFAULT_INPUT_LIMITS,
  });
  const defaultTimeoutMs = deps.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const idempotency = createIdempotency({ store, clock, log, claimMarginMs });
  const predict = createPredict({
    ...deps,
    findRunnable,
    idempotent: idempotency.answer,
    loadFailures: createLoadFailures(log),
    defaultTimeoutMs,
  });

  async function getPredictionsByIds(
    actor: TenantActor,
    ids: readonly string[],
  ): Promise<(Prediction | null)[]> {
    if (!can(actor, 'USAGE_READ')) return ids.map(() => null);
    const found = new Map(
      (await ledger.getByIds(actor.tenantId, ids.filter(mayBeId))).map((item) => [item.id, item]),
    );
    return ids.map((id) => found.get(id) ?? null);
  }

  return Object.freeze<PredictionsService>({
    /** Measures once for every exit of the corridor. */
    async predict(actor, command, signal) {
      const startMs = clock.monotonicMs();
      let outcome = 'FAULT';
      let prediction: Prediction | null = null;
      try {
        const result = await predict(actor, command, signal);
        if (result.ok) prediction = result.value;
        outcome = result.ok ? (result.value.receipt.replayed ? 'REPLAYED' : 'OK') : result.error[0].code;
        return result;
      } finally {
        deps.observe?.({ actor, outcome, durationMs: clock.monotonicMs() - startMs, prediction });
      }
    },

    mayBeFull: () => queue.mayBeFull(),

    refuseIfFull: createRefuseIfFull({
      queue,
      metering: deps.metering,
      onRefused: (actor) => deps.observe?.({ actor, outcome: 'OVERLOADED', durationMs: 0, prediction: null }),
    }),

    giveBackClaimsAcrossTenants: idempotency.giveBackClaimsAcrossTenants,

    quote: createQuote({ findRunnable, metering: deps.metering, defaultTimeoutMs }),

    async findRunnable(actor, target) {
      const reference = parseTarget(target);
      const version = reference === null ? null : await versions.find(actor.tenantId, reference);
      if (version === null) return refuse(modelNotFound(['target']));
      const entitlement = deps.marketplace.entitlementFor(actor, version.facts, 'PREDICT');
      return entitlement.ok ? ok(version) : entitlement;
    },

    async prediction(actor, id) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const [prediction = null] = await getPredictionsByIds(actor, [id]);
      return ok(prediction);
    },

    async predictions(actor, { filter, first, after }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const page = parsePageRequest(SORT, 2, { first, after }, isKey);
      if (!page.ok) return page;
      const wanted = filter ?? {};
      const isImpossible = Object.values(wanted).some((id) => typeof id === 'string' && !mayBeId(id));
      const rows = isImpossible ? [] : await ledger.list(actor.tenantId, wanted, page.value);
      return ok(toPage(rows, page.value, SORT, (row) => [row.createdAt.toISOString(), row.id]));
    },

    getPredictionsByIds,

    async forgetOutputs({ tenantId }, idempotencyKeys) {
      await deps.database.sql({ tenantId }, (query) => dropOutputs(query, tenantId, idempotencyKeys));
    },

    async readKeptOutputs(actor, predictionId) {
      return can(actor, 'USAGE_READ') ? ledger.findKeptOutputs(actor.tenantId, predictionId) : null;
    },
  });
}

/** A cursor is a client's text: a forged one must not reach the database with a time that it cannot read. */
function isKey([createdAt, id]: readonly (string | number)[]): boolean {
  if (typeof createdAt !== 'string' || typeof id !== 'string' || kindOfId(id) !== 'prediction') return false;
  const time = new Date(createdAt);
  return !Number.isNaN(time.getTime()) && time.toISOString() === createdAt && createdAt.length === 24;
}
