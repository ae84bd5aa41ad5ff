/**
 * A protected alias moves when two people want it. Asking as a signed-in user is the first yes, `approveAliasMove` the
 * second. Why one person cannot do it alone is in README.md.
 */
import { kindOfId } from '../../lib/ids.js';
import type { Tx } from '../../database/index.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type TenantActor } from '../access/index.js';
import { PEOPLE_NEEDED, type Alias, type AliasRequest } from './alias.js';
import { askFor, kindOf, type AliasChange, type SetAliasRefusal } from './change-alias.js';
import type { AliasesDeps } from './deps.js';
import {
  aliasNotFound,
  needsAnotherPerson,
  needsAPerson,
  nobodyToApprove,
  requestIsOver,
  requestNotFound,
} from './errors.js';
import { applyMove, auditDetails, authorOf, changeOwnModel, checkMove } from './moves.js';
import { checkReason, mayBeAliasName } from './names.js';
import * as store from './store.js';

export interface ProtectAliasInput {
  readonly modelId: string;
  readonly name: string;
}

export interface UnprotectAliasInput extends ProtectAliasInput {
  readonly reason: string;
}

export interface ApproveAliasMoveInput {
  readonly requestId: string;
}

export interface RejectAliasMoveInput extends ApproveAliasMoveInput {
  readonly reason: string;
}

type Protected = Promise<Result<AliasChange, SetAliasRefusal>>;

export function createProtection(deps: AliasesDeps) {
  const { database, audit, clock } = deps;

  async function findOwn(
    tx: Tx,
    tenantId: string,
    { modelId, name }: ProtectAliasInput,
  ): Promise<Alias | null> {
    return mayBeAliasName(name) ? store.findAlias(tx, tenantId, modelId, name) : null;
  }

  /** A request that waits, under the lock of its model. What a stranger may not see is not there. */
  async function decide(
    actor: TenantActor,
    id: string,
    decision: (tx: Tx, request: AliasRequest, alias: Alias) => Protected,
  ): Protected {
    if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
    if (kindOfId(id) !== 'aliasRequest') return refuse(requestNotFound());
    const { tenantId } = actor;
    const found = await database.transaction({ tenantId }, (tx) => store.findRequest(tx, tenantId, id));
    if (found === null) return refuse(requestNotFound());
    return changeOwnModel<AliasChange, SetAliasRefusal>(deps, actor, found.modelId, async (tx) => {
      // Again, now that nothing else can decide it.
      const request = await store.findRequest(tx, tenantId, id);
      if (request === null) return refuse(requestNotFound());
      if (request.status !== 'PENDING') return refuse(requestIsOver(request));
      const alias = await store.findAlias(tx, tenantId, request.modelId, request.name);
      // A move lets lapse what waits; this holds whatever else may have moved it.
      if (alias?.revision !== request.revision) return refuse(requestIsOver({ status: 'LAPSED' }));
      return decision(tx, request, alias);
    });
  }

  /** The alias as two people want it. */
  async function carryOut(
    tx: Tx,
    actor: TenantActor,
    alias: Alias,
    request: AliasRequest,
  ): Promise<Result<Omit<AliasChange, 'request'>, SetAliasRefusal>> {
    const { tenantId, requestId } = actor;
    if (request.action === 'UNPROTECT') {
      return ok({ alias: await store.setProtected(tx, tenantId, alias, false), move: null });
    }
    if (request.toVersionId !== null) {
      // Versions never change, but one may have been yanked since it was asked for.
      const { modelId, toVersionId: versionId, isOverride: allowBreaking } = request;
      const checked = await checkMove(deps, tx, tenantId, alias, { modelId, versionId, allowBreaking });
      if (!checked.ok) return checked;
    }
    const { modelId, name, reason, verdict, differences, isOverride, userId, apiKeyId } = request;
    const moved = await applyMove(tx, tenantId, {
      modelId,
      name,
      kind: kindOf(request.action, alias),
      fromVersionId: alias.versionId,
      toVersionId: request.toVersionId,
      reason,
      verdict,
      differences,
      isOverride,
      userId,
      apiKeyId,
      requestId,
      aliasRequestId: request.id,
      approvedBy: request.approvedBy,
    });
    return ok(moved);
  }

  return Object.freeze({
    /** One person is enough: it takes nothing away from anybody else. */
    async protectAlias(actor: TenantActor, input: ProtectAliasInput): Protected {
      const { tenantId } = actor;
      return changeOwnModel<AliasChange, SetAliasRefusal>(deps, actor, input.modelId, async (tx) => {
        const alias = await findOwn(tx, tenantId, input);
        if (alias === null) return refuse(aliasNotFound(input.name));
        if (alias.isProtected) return ok({ alias, move: null, request: null });
        if ((await store.countWriters(tx, tenantId)) < PEOPLE_NEEDED) return refuse(nobodyToApprove());
        const changed = await store.setProtected(tx, tenantId, alias, true);
        const details = { name: alias.name, versionId: alias.versionId };
        await audit.record(tx, actor, { action: 'protectAlias', subjectId: alias.modelId, details });
        return ok({ alias: changed, move: null, request: null });
      });
    },

    /** Asks for the end of the protection. */
    async unprotectAlias(actor: TenantActor, input: UnprotectAliasInput): Protected {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const reason = checkReason(input.reason);
      if (!reason.ok) return reason;
      const { tenantId } = actor;
      return changeOwnModel<AliasChange, SetAliasRefusal>(deps, actor, input.modelId, async (tx) => {
        const alias = await findOwn(tx, tenantId, input);
        if (alias === null) return refuse(aliasNotFound(input.name));
        if (!alias.isProtected) return ok({ alias, move: null, request: null });
        return askFor(deps, tx, actor, 'unprotectAlias', {
          action: 'UNPROTECT',
          alias,
          toVersionId: null,
          reason: reason.value,
          verdict: null,
          differences: [],
          isOverride: false,
        });
      });
    },

    /** Says yes, as a person. The second person's yes does it. */
    async approveAliasMove(actor: TenantActor, input: ApproveAliasMoveInput): Protected {
      return decide(actor, input.requestId, async (tx, request, alias) => {
        if (actor.kind !== 'user') return refuse(needsAPerson());
        const { tenantId, userId } = actor;
        if (request.approvedBy.includes(userId)) return refuse(needsAnotherPerson());
        // Who has left, or may not change models any more, has no say any more.
        const approvedBy = await store.lockWriters(tx, tenantId, [...request.approvedBy, userId]);
        if (!approvedBy.includes(userId)) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
        const isEnough = approvedBy.length >= PEOPLE_NEEDED;
        const agreed = await store.updateRequest(tx, tenantId, request.id, {
          approvedBy,
          ...(isEnough ? { status: 'APPROVED', decidedAt: clock.now(), decidedByUserId: userId } : {}),
        });
        const done = isEnough ? await carryOut(tx, actor, alias, agreed) : ok({ alias, move: null });
        if (!done.ok) return done;
        await audit.record(tx, actor, {
          action: 'approveAliasMove',
          subjectId: request.modelId,
          details: {
            ...auditDetails(request),
            aliasRequestId: request.id,
            wish: request.action,
            approvedBy,
            isCarriedOut: isEnough,
          },
        });
        return ok({ ...done.value, request: agreed });
      });
    },

    /** Says no; whoever asked may take it back. One no is enough. */
    async rejectAliasMove(actor: TenantActor, input: RejectAliasMoveInput): Protected {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const reason = checkReason(input.reason);
      if (!reason.ok) return reason;
      return decide(actor, input.requestId, async (tx, request, alias) => {
        const { userId, apiKeyId } = authorOf(actor);
        const rejected = await store.updateRequest(tx, actor.tenantId, request.id, {
          status: 'REJECTED',
          decidedAt: clock.now(),
          decidedByUserId: userId,
          decidedByApiKeyId: apiKeyId,
          decisionReason: reason.value,
        });
        await audit.record(tx, actor, {
          action: 'rejectAliasMove',
          subjectId: request.modelId,
          details: { name: request.name, aliasRequestId: request.id, reason: reason.value },
        });
        return ok({ alias, move: null, request: rejected });
      });
    },
  });
}
