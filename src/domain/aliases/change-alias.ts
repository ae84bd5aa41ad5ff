/** Making, moving, rolling back and deleting an alias: each a compare-and-set, each with a reason. */
import type { Tx } from '../../database/index.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type TenantActor } from '../access/index.js';
import type { Alias, AliasAction, AliasMove, AliasMoveKind, AliasRequest, Comparison } from './alias.js';
import type { AliasesDeps } from './deps.js';
import {
  aliasIsElsewhere,
  aliasNotFound,
  nothingToRollBack,
  tooManyAliases,
  tooManyRequests,
  type BreakingChange,
  type Conflict,
  type InvalidInput,
} from './errors.js';
import { applyMove, auditDetails, authorOf, changeOwnModel, checkMove, type ChangeRefusal } from './moves.js';
import { checkAliasName, checkReason, mayBeAliasName } from './names.js';
import * as store from './store.js';

export const MAX_ALIASES = 100;
/** Of one alias. */
export const MAX_PENDING = 20;

export interface SetAliasInput {
  readonly modelId: string;
  readonly name: string;
  readonly versionId: string;
  /** Where it must be now; absent or null: it must not exist yet. */
  readonly expectedVersionId?: string | null | undefined;
  readonly reason: string;
  readonly allowBreaking?: boolean | null | undefined;
}

export interface RollbackAliasInput {
  readonly modelId: string;
  readonly name: string;
  /** The version that it is to leave: two people who roll back at once go back one step, not two. */
  readonly expectedVersionId: string;
  readonly reason: string;
  readonly allowBreaking?: boolean | null | undefined;
}

export type DeleteAliasInput = Omit<RollbackAliasInput, 'allowBreaking'>;

/** What became of it. */
export interface AliasChange {
  /** As it is now; `null` when it is gone. */
  readonly alias: Alias | null;
  /** `null` when nothing moved (yet). */
  readonly move: AliasMove | null;
  /** A protected alias: what waits for another person. */
  readonly request: AliasRequest | null;
}

export type SetAliasRefusal = ChangeRefusal | InvalidInput | BreakingChange;
type Changed = Promise<Result<AliasChange, SetAliasRefusal | readonly SetAliasRefusal[]>>;

/** What is to be done to an alias, all of it checked. */
interface Step extends Comparison {
  readonly modelId: string;
  readonly name: string;
  readonly action: Exclude<AliasAction, 'UNPROTECT'>;
  readonly alias: Alias | null;
  readonly toVersionId: string | null;
  readonly reason: string;
  readonly isOverride: boolean;
}

export function createAliasChanges(deps: AliasesDeps) {
  const { audit } = deps;

  /** Does it, or asks for it where the alias is protected; leaves its trace under the mutation's name. */
  async function perform(
    tx: Tx,
    actor: TenantActor,
    mutation: string,
    step: Step,
  ): Promise<Result<AliasChange, Conflict>> {
    const { tenantId } = actor;
    const { action, alias, ...facts } = step;
    const fromVersionId = alias?.versionId ?? null;
    if (alias?.isProtected === true) return askFor(deps, tx, actor, mutation, { ...step, alias });
    const moved = await applyMove(tx, tenantId, {
      ...facts,
      ...authorOf(actor),
      kind: kindOf(action, alias),
      fromVersionId,
      requestId: actor.requestId,
      aliasRequestId: null,
      approvedBy: [],
    });
    const details = { ...auditDetails(moved.move), revision: moved.move.revision };
    await audit.record(tx, actor, { action: mutation, subjectId: step.modelId, details });
    return ok({ ...moved, request: null });
  }

  return Object.freeze({
    async setAlias(actor: TenantActor, input: SetAliasInput): Changed {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const name = checkAliasName(input.name);
      const reason = checkReason(input.reason);
      const mistakes = [name, reason].flatMap((checked) => (checked.ok ? [] : [checked.error]));
      if (!name.ok || !reason.ok) return refuse(mistakes);
      const { tenantId } = actor;
      const { modelId, versionId } = input;
      return changeOwnModel<AliasChange, SetAliasRefusal>(deps, actor, modelId, async (tx) => {
        const alias = await store.findAlias(tx, tenantId, modelId, name.value);
        const clash = await compare(
          tx,
          name.value,
          alias,
          modelId,
          input.expectedVersionId ?? null,
          tenantId,
        );
        if (clash !== null) return refuse(clash);
        if (alias === null && (await store.countAliases(tx, tenantId, modelId)) >= MAX_ALIASES) {
          return refuse(tooManyAliases(MAX_ALIASES));
        }
        if (alias?.versionId === versionId) return ok({ alias, move: null, request: null });
        const allowBreaking = input.allowBreaking ?? false;
        const checked = await checkMove(deps, tx, tenantId, alias, { modelId, versionId, allowBreaking });
        if (!checked.ok) return checked;
        const { to, comparison, isOverride } = checked.value;
        return perform(tx, actor, 'setAlias', {
          modelId,
          name: name.value,
          action: 'MOVE',
          alias,
          toVersionId: to.id,
          reason: reason.value,
          ...comparison,
          isOverride,
        });
      });
    },

    /** To the version before the last move; a move like any other. */
    async rollbackAlias(actor: TenantActor, input: RollbackAliasInput): Changed {
      return changeExisting(actor, input, async (tx, alias, reason) => {
        const { tenantId } = actor;
        const { modelId, name } = alias;
        const last = await store.findLastMove(tx, tenantId, modelId, name);
        const versionId = last?.fromVersionId ?? null;
        if (versionId === null) return refuse(nothingToRollBack(name));
        const allowBreaking = input.allowBreaking ?? false;
        const checked = await checkMove(deps, tx, tenantId, alias, { modelId, versionId, allowBreaking });
        if (!checked.ok) return checked;
        const { to, comparison, isOverride } = checked.value;
        return perform(tx, actor, 'rollbackAlias', {
          modelId,
          name,
          action: 'ROLLBACK',
          alias,
          toVersionId: to.id,
          reason,
          ...comparison,
          isOverride,
        });
      });
    },

    /** The name is free again; its history stays, and goes on if it is made again. */
    async deleteAlias(actor: TenantActor, input: DeleteAliasInput): Changed {
      return changeExisting(actor, input, (tx, alias, reason) =>
        perform(tx, actor, 'deleteAlias', {
          modelId: alias.modelId,
          name: alias.name,
          action: 'DELETE',
          alias,
          toVersionId: null,
          reason,
          verdict: null,
          differences: [],
          isOverride: false,
        }),
      );
    },
  });

  /** An alias that must be there, and where it is expected. */
  async function changeExisting(
    actor: TenantActor,
    input: DeleteAliasInput,
    change: (tx: Tx, alias: Alias, reason: string) => Promise<Result<AliasChange, SetAliasRefusal>>,
  ): Changed {
    if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
    const reason = checkReason(input.reason);
    if (!reason.ok) return reason;
    const { modelId, name, expectedVersionId } = input;
    const { tenantId } = actor;
    return changeOwnModel<AliasChange, SetAliasRefusal>(deps, actor, modelId, async (tx) => {
      const alias = mayBeAliasName(name) ? await store.findAlias(tx, tenantId, modelId, name) : null;
      if (alias === null) return refuse(aliasNotFound(name));
      const clash = await compare(tx, name, alias, modelId, expectedVersionId, tenantId);
      return clash === null ? change(tx, alias, reason.value) : refuse(clash);
    });
  }
}

/** The compare of compare-and-set. */
async function compare(
  tx: Tx,
  name: string,
  alias: Alias | null,
  modelId: string,
  expectedVersionId: string | null,
  tenantId: string,
): Promise<Conflict | null> {
  if ((alias?.versionId ?? null) === expectedVersionId) return null;
  const standsAt = alias === null ? null : await store.findTarget(tx, tenantId, modelId, alias.versionId);
  return aliasIsElsewhere(name, alias, standsAt);
}

/** A protected alias is not moved: what is wanted of it waits for another person. A person who asks has said yes. */
export async function askFor(
  { audit, clock }: Pick<AliasesDeps, 'audit' | 'clock'>,
  tx: Tx,
  actor: TenantActor,
  mutation: string,
  step: Comparison & {
    readonly action: AliasAction;
    readonly alias: Alias;
    readonly toVersionId: string | null;
    readonly reason: string;
    readonly isOverride: boolean;
  },
): Promise<Result<AliasChange, Conflict>> {
  const { tenantId, requestId } = actor;
  const { alias, action, toVersionId, reason, verdict, differences, isOverride } = step;
  const waiting = await store.countPending(tx, tenantId, alias);
  if (waiting >= MAX_PENDING) return refuse(tooManyRequests(MAX_PENDING));
  const now = clock.now();
  const request: AliasRequest = {
    id: newId('aliasRequest', now.getTime()),
    tenantId,
    modelId: alias.modelId,
    name: alias.name,
    action,
    status: 'PENDING',
    revision: alias.revision,
    fromVersionId: alias.versionId,
    toVersionId,
    reason,
    verdict,
    differences,
    isOverride,
    ...authorOf(actor),
    requestId,
    approvedBy: actor.kind === 'user' ? [actor.userId] : [],
    decidedByUserId: null,
    decidedByApiKeyId: null,
    decisionReason: null,
    createdAt: now,
    decidedAt: null,
  };
  await store.insertRequest(tx, tenantId, request);
  await audit.record(tx, actor, {
    action: mutation,
    subjectId: alias.modelId,
    details: { ...auditDetails(request), aliasRequestId: request.id },
  });
  return ok({ alias, move: null, request });
}

export function kindOf(action: Exclude<AliasAction, 'UNPROTECT'>, alias: Alias | null): AliasMoveKind {
  if (action === 'DELETE') return 'DELETED';
  if (action === 'ROLLBACK') return 'ROLLED_BACK';
  return alias === null ? 'CREATED' : 'MOVED';
}
