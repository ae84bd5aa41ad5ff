import type { Result } from '../../lib/result.js';
import type { TenantActor } from '../access/index.js';
import {
  createAliasChanges,
  type AliasChange,
  type DeleteAliasInput,
  type RollbackAliasInput,
  type SetAliasInput,
  type SetAliasRefusal,
} from './change-alias.js';
import type { AliasesDeps } from './deps.js';
import {
  createProtection,
  type ApproveAliasMoveInput,
  type ProtectAliasInput,
  type RejectAliasMoveInput,
  type UnprotectAliasInput,
} from './protection.js';
import { createAliasReads, type AliasReads } from './read-aliases.js';

type Changed = Promise<Result<AliasChange, SetAliasRefusal | readonly SetAliasRefusal[]>>;

/** All changes need MODEL_WRITE, and count on every server from the reply on. What is not the tenant's own is NOT_FOUND. */
export interface AliasesService extends AliasReads {
  /**
   * Makes an alias or moves it: compare-and-set, CONFLICT says where it is. BREAKING_CHANGE unless that is allowed. A
   * protected one is not moved; the answer is the request that waits.
   */
  setAlias(actor: TenantActor, input: SetAliasInput): Changed;
  /** Back to the version before the last move; the same in everything else. */
  rollbackAlias(actor: TenantActor, input: RollbackAliasInput): Changed;
  /** Its history stays. */
  deleteAlias(actor: TenantActor, input: DeleteAliasInput): Changed;
  /** From now on two people must agree on its moves, its deletion and the end of this. */
  protectAlias(actor: TenantActor, input: ProtectAliasInput): Changed;
  /** Asks for the end of the protection. */
  unprotectAlias(actor: TenantActor, input: UnprotectAliasInput): Changed;
  /** A signed-in person says yes to a request; the second one's yes carries it out. */
  approveAliasMove(actor: TenantActor, input: ApproveAliasMoveInput): Changed;
  /** Ends a request. */
  rejectAliasMove(actor: TenantActor, input: RejectAliasMoveInput): Changed;
}

export function createAliasesService(deps: AliasesDeps): AliasesService {
  return Object.freeze({ ...createAliasReads(deps), ...createAliasChanges(deps), ...createProtection(deps) });
}
