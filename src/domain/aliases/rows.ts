/** Rows of the three tables as the domain reads them. The casts hold because of the tables' checks. */
import type { Prisma } from '../../database/index.js';
import { DEFAULT_SIGNATURE } from '../../lib/tensor.js';
import type { Compatibility, SignatureDifference } from '../versions/index.js';
import type {
  Alias,
  AliasAction,
  AliasMove,
  AliasMoveKind,
  AliasRequest,
  AliasRequestStatus,
} from './alias.js';

export type AliasRow = Prisma.AliasGetPayload<object>;
export type MoveRow = Prisma.AliasMoveGetPayload<object>;
export type RequestRow = Prisma.AliasRequestGetPayload<object>;

export function aliasFromRow(row: AliasRow): Alias {
  return row;
}

export function moveFromRow(row: MoveRow): AliasMove {
  return {
    ...row,
    kind: row.kind as AliasMoveKind,
    verdict: row.verdict as Compatibility | null,
    differences: differencesFromJson(row.differences),
  };
}

export function requestFromRow(row: RequestRow): AliasRequest {
  return {
    ...row,
    action: row.action as AliasAction,
    status: row.status as AliasRequestStatus,
    verdict: row.verdict as Compatibility | null,
    differences: differencesFromJson(row.differences),
  };
}

function differencesFromJson(json: unknown): readonly SignatureDifference[] {
  // Those from before several signatures were compared are about the one that answered by default.
  const differences = json as readonly (Omit<SignatureDifference, 'signature'> & {
    readonly signature?: string;
  })[];
  return differences.map((one) => ({ ...one, signature: one.signature ?? DEFAULT_SIGNATURE }));
}
