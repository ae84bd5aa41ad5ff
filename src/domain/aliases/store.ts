/** What changes aliases. Whoever calls this holds the lock of the model, so nothing of it changes meanwhile. */
import { Prisma, type Tx } from '../../database/index.js';
import type { NamedSignature, Signature } from '../../lib/tensor.js';
import { permissionsOf, ROLES } from '../access/index.js';
import { signaturesFromJson } from '../versions/index.js';
import type { Alias, AliasMove, AliasRequest } from './alias.js';
import { aliasFromRow, moveFromRow, requestFromRow } from './rows.js';

/** What an alias may be moved to. */
export interface Target {
  readonly id: string;
  readonly number: number;
  readonly signatures: readonly NamedSignature[];
}

export async function findAlias(
  tx: Tx,
  tenantId: string,
  modelId: string,
  name: string,
): Promise<Alias | null> {
  const row = await tx.alias.findFirst({ where: { tenantId, modelId, name } });
  return row === null ? null : aliasFromRow(row);
}

export function countAliases(tx: Tx, tenantId: string, modelId: string): Promise<number> {
  return tx.alias.count({ where: { tenantId, modelId } });
}

/** A version of this model and no other. */
export async function findTarget(
  tx: Tx,
  tenantId: string,
  modelId: string,
  versionId: string,
): Promise<Target | null> {
  const row = await tx.version.findFirst({
    where: { id: versionId, modelId, tenantId },
    select: { id: true, number: true, signature: true, batchable: true, signatures: true },
  });
  if (row === null) return null;
  const { id, number, batchable } = row;
  // As the importer wrote it.
  const signature = row.signature as unknown as Signature;
  return { id, number, signatures: signaturesFromJson(row.signatures, { signature, batchable }) };
}

/** The newest entry of the name's history, also of a name that was deleted. */
export async function findLastMove(
  tx: Tx,
  tenantId: string,
  modelId: string,
  name: string,
): Promise<AliasMove | null> {
  const row = await tx.aliasMove.findFirst({
    where: { tenantId, modelId, name },
    orderBy: { revision: 'desc' },
  });
  return row === null ? null : moveFromRow(row);
}

/**
 * When a change happens: one clock for all servers, and never before what it follows, so that "what was it then?" has one
 * answer whatever the clocks do.
 */
export async function timeAfter(tx: Tx, last: Date | null): Promise<Date> {
  const [row] = await tx.$queryRaw<{ now: Date }[]>`
    SELECT greatest(date_trunc('milliseconds', clock_timestamp()), ${last}::timestamptz) AS now`;
  if (row === undefined) throw new Error('The database did not tell the time.');
  return row.now;
}

/** Writes the move, and puts the alias where it leads. */
export async function writeMove(tx: Tx, tenantId: string, move: AliasMove): Promise<Alias | null> {
  const { modelId, name, revision, toVersionId: versionId, createdAt: movedAt } = move;
  await tx.aliasMove.createMany({
    data: [{ ...move, differences: asJson(move.differences), approvedBy: [...move.approvedBy], tenantId }],
  });
  const key = { modelId_name: { modelId, name }, tenantId };
  if (versionId === null) {
    await tx.alias.delete({ where: key });
    return null;
  }
  const to = { versionId, revision, movedAt };
  return aliasFromRow(
    await tx.alias.upsert({ where: key, create: { modelId, name, tenantId, ...to }, update: to }),
  );
}

export async function setProtected(
  tx: Tx,
  tenantId: string,
  { modelId, name }: Pick<Alias, 'modelId' | 'name'>,
  isProtected: boolean,
): Promise<Alias> {
  const where = { modelId_name: { modelId, name }, tenantId };
  return aliasFromRow(await tx.alias.update({ where, data: { isProtected } }));
}

export async function findRequest(tx: Tx, tenantId: string, id: string): Promise<AliasRequest | null> {
  const row = await tx.aliasRequest.findFirst({ where: { id, tenantId } });
  return row === null ? null : requestFromRow(row);
}

export function countPending(
  tx: Tx,
  tenantId: string,
  { modelId, name }: Pick<Alias, 'modelId' | 'name'>,
): Promise<number> {
  return tx.aliasRequest.count({ where: { tenantId, modelId, name, status: 'PENDING' } });
}

export async function insertRequest(tx: Tx, tenantId: string, request: AliasRequest): Promise<void> {
  await tx.aliasRequest.createMany({
    data: [
      { ...request, differences: asJson(request.differences), approvedBy: [...request.approvedBy], tenantId },
    ],
  });
}

/** How a request goes on or ends. */
export async function updateRequest(
  tx: Tx,
  tenantId: string,
  id: string,
  change: Partial<
    Pick<
      AliasRequest,
      'status' | 'approvedBy' | 'decidedByUserId' | 'decidedByApiKeyId' | 'decisionReason' | 'decidedAt'
    >
  >,
): Promise<AliasRequest> {
  const { approvedBy, ...rest } = change;
  const data = approvedBy === undefined ? rest : { ...rest, approvedBy: [...approvedBy] };
  return requestFromRow(await tx.aliasRequest.update({ where: { id, tenantId }, data }));
}

/** What waited for an alias that has moved. */
export async function lapsePending(
  tx: Tx,
  tenantId: string,
  { modelId, name }: Pick<Alias, 'modelId' | 'name'>,
  decidedAt: Date,
): Promise<void> {
  await tx.aliasRequest.updateMany({
    where: { tenantId, modelId, name, status: 'PENDING' },
    data: { status: 'LAPSED', decidedAt },
  });
}

const WRITERS = ROLES.filter((role) => permissionsOf(role, false).has('MODEL_WRITE'));

/** People of the tenant who may change models. */
export function countWriters(tx: Tx, tenantId: string): Promise<number> {
  return tx.membership.count({ where: { tenantId, role: { in: [...WRITERS] } } });
}

/** Those of the users who may change models now, in their order, and stay so until the transaction ends. */
export async function lockWriters(
  tx: Tx,
  tenantId: string,
  userIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await tx.$queryRaw<{ userId: string }[]>`
    SELECT user_id AS "userId" FROM memberships
    WHERE tenant_id = ${tenantId} AND user_id IN (${Prisma.join([...userIds])}) AND role IN (${Prisma.join([...WRITERS])})
    ORDER BY id FOR SHARE`;
  const writers = new Set(rows.map(({ userId }) => userId));
  return userIds.filter((userId) => writers.has(userId));
}

/** Plain data by its type; Prisma's JSON type only knows index signatures and mutable arrays. */
function asJson(value: object): object {
  return value;
}
