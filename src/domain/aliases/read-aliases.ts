/** Reading aliases, their history, and what a move would mean, as far as the actor may. */
import { kindOfId, mayBeId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import { readsForTenant } from '../catalog/index.js';
import type { Alias, AliasMove, AliasRequest, Comparison } from './alias.js';
import type { AliasesDeps } from './deps.js';
import type { InvalidInput } from './errors.js';
import { compareTargets } from './moves.js';
import { checkAliasName, mayBeAliasName } from './names.js';
import * as reads from './read-store.js';
import * as store from './store.js';

export interface CheckAliasMoveInput {
  readonly modelId: string;
  readonly name: string;
  readonly versionId: string;
}

/** What a move would mean, before it is made. */
export interface AliasMoveCheck extends Comparison {
  readonly modelId: string;
  readonly name: string;
  /** As it is now; `null`: the move would make it. */
  readonly alias: Alias | null;
  readonly toVersionId: string;
  readonly needsOverride: boolean;
  readonly needsApproval: boolean;
}

export interface AliasReads {
  /** Of each model in the order of the ids, its aliases by name; empty for what may not be seen. */
  aliasesOfModels(actor: TenantActor, modelIds: readonly string[]): Promise<(readonly Alias[])[]>;
  /** As it was at that instant; now when there is none. `null` where there was none, or it may not be seen. */
  aliasAt(actor: TenantActor, modelId: string, name: string, at: Date | null): Promise<Alias | null>;
  /** Newest first; of one name or of all. Empty for a model that may not be seen. Who did what is told to the owner's only. */
  listAliasMoves(
    actor: TenantActor,
    modelId: string,
    input: {
      readonly name?: string | null | undefined;
      readonly first?: number | null | undefined;
      readonly after?: string | null | undefined;
    },
  ): Promise<Result<Page<AliasMove>, InvalidInput>>;
  /** Of the actor's own tenant; in the order of the ids. */
  getAliasRequestsByIds(actor: TenantActor, ids: readonly string[]): Promise<(AliasRequest | null)[]>;
  /** Of each model those that wait; of the actor's own tenant. */
  pendingRequestsOfModels(
    actor: TenantActor,
    modelIds: readonly string[],
  ): Promise<(readonly AliasRequest[])[]>;
  /** Changes nothing. Needs MODEL_WRITE; `null` unless model and version are the tenant's own. */
  checkAliasMove(
    actor: TenantActor,
    input: CheckAliasMoveInput,
  ): Promise<Result<AliasMoveCheck | null, PermissionDenied | InvalidInput>>;
}

const SORT = 'alias-moves';
const MAX_REVISION = 2 ** 31 - 1;

export function createAliasReads({ database }: Pick<AliasesDeps, 'database'>): AliasReads {
  const readerOf = (actor: TenantActor): reads.Reader => ({
    tenantId: actor.tenantId,
    readsForTenant: readsForTenant(actor),
  });

  return Object.freeze<AliasReads>({
    async aliasesOfModels(actor, modelIds) {
      const query = database.single({ tenantId: actor.tenantId });
      const found = await reads.findAliases(query, readerOf(actor), modelIds);
      return modelIds.map((id) => found.filter(({ modelId }) => modelId === id));
    },

    async aliasAt(actor, modelId, name, at) {
      if (!mayBeAliasName(name)) return null;
      const query = database.single({ tenantId: actor.tenantId });
      return at === null
        ? reads.findAlias(query, readerOf(actor), modelId, name)
        : reads.findAliasAt(query, readerOf(actor), modelId, name, at);
    },

    async listAliasMoves(actor, modelId, { name, first, after }) {
      const page = parsePageRequest(SORT, 3, { first, after }, isKey);
      if (!page.ok) return page;
      const query = database.single({ tenantId: actor.tenantId });
      const isImpossible = typeof name === 'string' && !mayBeAliasName(name);
      const rows = isImpossible
        ? []
        : await reads.listMoves(query, readerOf(actor), modelId, name ?? null, page.value);
      const seen = rows.map((move) => asSeenBy(actor, move));
      return ok(
        toPage(seen, page.value, SORT, (move) => [move.createdAt.toISOString(), move.name, move.revision]),
      );
    },

    async getAliasRequestsByIds(actor, ids) {
      if (!readsForTenant(actor)) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await reads.findRequests(database.single({ tenantId }), tenantId, ids.filter(mayBeId));
      const byId = new Map(found.map((request) => [request.id, request]));
      return ids.map((id) => byId.get(id) ?? null);
    },

    async pendingRequestsOfModels(actor, modelIds) {
      if (!readsForTenant(actor)) return modelIds.map(() => []);
      const { tenantId } = actor;
      const found = await reads.findPendingRequests(database.single({ tenantId }), tenantId, modelIds);
      return modelIds.map((id) => found.filter(({ modelId }) => modelId === id));
    },

    async checkAliasMove(actor, { modelId, name, versionId }) {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const checked = checkAliasName(name);
      if (!checked.ok) return checked;
      if (kindOfId(modelId) !== 'model' || kindOfId(versionId) !== 'version') return ok(null);
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx) => {
        // Its model is the tenant's own when it is.
        const to = await store.findTarget(tx, tenantId, modelId, versionId);
        if (to === null) return ok(null);
        const alias = await store.findAlias(tx, tenantId, modelId, name);
        const from = alias === null ? null : await store.findTarget(tx, tenantId, modelId, alias.versionId);
        const comparison = compareTargets(from, to);
        return ok({
          modelId,
          name,
          alias,
          toVersionId: to.id,
          ...comparison,
          needsOverride: comparison.verdict === 'BREAKING',
          needsApproval: alias?.isProtected ?? false,
        });
      });
    },
  });
}

/**
 * Where an alias was, when and why, is for everybody who follows it. Who moved it and who approved is not: names of people
 * and keys are their tenant's business.
 */
function asSeenBy(actor: TenantActor, move: AliasMove): AliasMove {
  if (move.tenantId === actor.tenantId && readsForTenant(actor)) return move;
  return { ...move, userId: null, apiKeyId: null, aliasRequestId: null, approvedBy: [] };
}

/** A cursor is a client's text: a forged one must not reach the database with a time that it cannot read. */
function isKey([createdAt, name, revision]: readonly (string | number)[]): boolean {
  if (typeof createdAt !== 'string' || typeof name !== 'string' || !mayBeAliasName(name)) return false;
  const time = new Date(createdAt);
  const isTime = !Number.isNaN(time.getTime()) && time.toISOString() === createdAt && createdAt.length === 24;
  return isTime && Number.isInteger(revision) && Math.abs(Number(revision)) <= MAX_REVISION;
}
