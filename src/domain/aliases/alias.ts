import type { Compatibility, SignatureDifference } from '../versions/index.js';

/** A name of a model that stands for one of its versions, now or at an instant of the past. */
export interface Alias {
  /** The owner of the model. */
  readonly tenantId: string;
  readonly modelId: string;
  readonly name: string;
  readonly versionId: string;
  /** Whether it is protected now, also where the rest is of the past. */
  readonly isProtected: boolean;
  /** That of the move that brought it there: 1, 2, 3… for each name of a model. */
  readonly revision: number;
  /** When that was. */
  readonly movedAt: Date;
}

export type AliasMoveKind = 'CREATED' | 'MOVED' | 'ROLLED_BACK' | 'DELETED';

/** How the signatures of two versions compare. `verdict` is `null` where there are not two. */
export interface Comparison {
  readonly verdict: Compatibility | null;
  readonly differences: readonly SignatureDifference[];
}

/** Who did something: a user or an API key. */
export interface Author {
  readonly userId: string | null;
  readonly apiKeyId: string | null;
}

/** One change of an alias. Never changed, never removed. */
export interface AliasMove extends Author, Comparison {
  readonly tenantId: string;
  readonly modelId: string;
  readonly name: string;
  readonly revision: number;
  readonly kind: AliasMoveKind;
  readonly fromVersionId: string | null;
  readonly toVersionId: string | null;
  readonly reason: string;
  /** Whether it was said that callers may break. */
  readonly isOverride: boolean;
  readonly requestId: string;
  /** The request on a protected alias that it came from. */
  readonly aliasRequestId: string | null;
  /** Users who said yes to that request. */
  readonly approvedBy: readonly string[];
  readonly createdAt: Date;
}

export type AliasAction = 'MOVE' | 'ROLLBACK' | 'DELETE' | 'UNPROTECT';

/** PENDING until two people said yes, somebody said no, or the alias moved. */
export type AliasRequestStatus = 'PENDING' | 'APPROVED' | 'REJECTED' | 'LAPSED';

/** What somebody wants of a protected alias. */
export interface AliasRequest extends Author, Comparison {
  /** Starts with `alr_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly modelId: string;
  readonly name: string;
  readonly action: AliasAction;
  readonly status: AliasRequestStatus;
  /** Of the alias when it was asked for. */
  readonly revision: number;
  readonly fromVersionId: string;
  /** `null` unless it is a move. */
  readonly toVersionId: string | null;
  readonly reason: string;
  readonly isOverride: boolean;
  readonly requestId: string;
  /** Users who said yes. A user who asks is the first of them; an API key is nobody. */
  readonly approvedBy: readonly string[];
  readonly decidedByUserId: string | null;
  readonly decidedByApiKeyId: string | null;
  readonly decisionReason: string | null;
  readonly createdAt: Date;
  readonly decidedAt: Date | null;
}

/** People who must agree on what happens to a protected alias. */
export const PEOPLE_NEEDED = 2;
