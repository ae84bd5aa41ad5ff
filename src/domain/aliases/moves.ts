/**
 * What all changes of an alias share: the model's lock, the comparison of signatures, the history. Everything here happens
 * while the model is locked, so changes of one model's aliases happen one after the other, on all servers.
 */
import type { Tx } from '../../database/index.js';
import { kindOfId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditDetails } from '../audit/index.js';
import { lockOwnModel, modelArchived, modelNotFound } from '../catalog/index.js';
import { compareAllSignatures } from '../versions/index.js';
import type { Alias, AliasMove, AliasMoveKind, Author, Comparison } from './alias.js';
import type { AliasesDeps } from './deps.js';
import {
  breakingChange,
  versionNotFound,
  type BreakingChange,
  type Conflict,
  type NotFound,
} from './errors.js';
import * as store from './store.js';

export type ChangeRefusal = PermissionDenied | NotFound | Conflict;

/** Locks a model of the actor's tenant that may be changed, and refuses alike whatever the reason that there is none. */
export async function changeOwnModel<T, E>(
  { database }: Pick<AliasesDeps, 'database'>,
  actor: TenantActor,
  modelId: string,
  change: (tx: Tx) => Promise<Result<T, E>>,
): Promise<Result<T, E | ChangeRefusal>> {
  if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
  if (kindOfId(modelId) !== 'model') return refuse(modelNotFound());
  return database.transaction(
    { tenantId: actor.tenantId },
    async (tx): Promise<Result<T, E | ChangeRefusal>> => {
      const model = await lockOwnModel(tx, actor.tenantId, modelId);
      if (model === null) return refuse(modelNotFound());
      if (model.archivedAt !== null) return refuse(modelArchived());
      return change(tx);
    },
  );
}

/** Most that is kept of them: the breaking ones come first. */
const MAX_DIFFERENCES = 100;

/** @param from `null`: there is nothing to compare with */
export function compareTargets(from: store.Target | null, to: store.Target | null): Comparison {
  if (from === null || to === null) return { verdict: null, differences: [] };
  const { verdict, differences } = compareAllSignatures(from, to);
  return { verdict, differences: differences.slice(0, MAX_DIFFERENCES) };
}

/** A move that may be made: to where, and what it means for callers. */
export interface CheckedMove {
  readonly to: store.Target;
  readonly comparison: Comparison;
  readonly isOverride: boolean;
}

/** The gate. @param alias `null`: it is made by this move */
export async function checkMove(
  deps: Pick<AliasesDeps, 'refusalOfTarget'>,
  tx: Tx,
  tenantId: string,
  alias: Alias | null,
  wish: { readonly modelId: string; readonly versionId: string; readonly allowBreaking: boolean },
): Promise<Result<CheckedMove, NotFound | Conflict | BreakingChange>> {
  const { modelId, versionId, allowBreaking } = wish;
  const to = await findTarget(tx, tenantId, modelId, versionId);
  if (to === null) return refuse(versionNotFound());
  const refusal = (await deps.refusalOfTarget?.(tx, tenantId, to)) ?? null;
  if (refusal !== null) return refuse(refusal);
  const from = alias === null ? null : await findTarget(tx, tenantId, modelId, alias.versionId);
  const comparison = compareTargets(from, to);
  const isBreaking = comparison.verdict === 'BREAKING';
  if (isBreaking && !allowBreaking) return refuse(breakingChange(comparison));
  return ok({ to, comparison, isOverride: isBreaking });
}

/** Text that is no id of a version reaches no statement. */
function findTarget(tx: Tx, tenantId: string, modelId: string, id: string): Promise<store.Target | null> {
  return kindOfId(id) === 'version' ? store.findTarget(tx, tenantId, modelId, id) : Promise.resolve(null);
}

export interface NewMove extends Author, Comparison {
  readonly modelId: string;
  readonly name: string;
  readonly kind: AliasMoveKind;
  readonly fromVersionId: string | null;
  readonly toVersionId: string | null;
  readonly reason: string;
  readonly isOverride: boolean;
  readonly requestId: string;
  readonly aliasRequestId: string | null;
  readonly approvedBy: readonly string[];
}

/** Moves the alias and writes its history; what waited for the alias as it was has lapsed. */
export async function applyMove(
  tx: Tx,
  tenantId: string,
  move: NewMove,
): Promise<{ readonly alias: Alias | null; readonly move: AliasMove }> {
  const last = await store.findLastMove(tx, tenantId, move.modelId, move.name);
  const createdAt = await store.timeAfter(tx, last?.createdAt ?? null);
  const made: AliasMove = { ...move, tenantId, revision: (last?.revision ?? 0) + 1, createdAt };
  const alias = await store.writeMove(tx, tenantId, made);
  await store.lapsePending(tx, tenantId, move, createdAt);
  return { alias, move: made };
}

export function authorOf(actor: TenantActor): Author {
  return actor.kind === 'user'
    ? { userId: actor.userId, apiKeyId: null }
    : { userId: null, apiKeyId: actor.apiKeyId };
}

/** What the audit log says of a move, made or asked for. */
export function auditDetails(
  move: Pick<
    NewMove,
    'name' | 'fromVersionId' | 'toVersionId' | 'reason' | 'verdict' | 'differences' | 'isOverride'
  >,
): AuditDetails {
  return {
    name: move.name,
    fromVersionId: move.fromVersionId,
    toVersionId: move.toVersionId,
    reason: move.reason,
    verdict: move.verdict,
    breakingAllowed: move.isOverride,
    differences: move.differences.slice(0, MAX_AUDITED).map(({ message }) => message),
  };
}

const MAX_AUDITED = 20;
