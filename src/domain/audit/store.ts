import type { Prisma, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { AuditDetails, AuditEvent } from './audit-event.js';

type Row = Prisma.AuditEventGetPayload<object>;

function fromRow(row: Row): AuditEvent {
  return { ...row, details: row.details as AuditDetails };
}

export async function insertEvent(tx: Tx, tenantId: string, event: AuditEvent): Promise<void> {
  // createMany, because `create` reads the row back, which a transaction across tenants may not.
  await tx.auditEvent.createMany({
    data: [{ ...event, tenantId, details: event.details }],
  });
}

/** One row more than the page holds, newest first. */
export async function listEvents(
  tx: Tx,
  tenantId: string,
  page: PageRequest,
  subjectId: string | null,
): Promise<AuditEvent[]> {
  const before = page.after?.[0];
  const rows = await tx.auditEvent.findMany({
    where: {
      tenantId,
      ...(subjectId === null ? {} : { subjectId }),
      ...(before === undefined ? {} : { id: { lt: String(before) } }),
    },
    orderBy: { id: 'desc' },
    take: page.first + 1,
  });
  return rows.map(fromRow);
}

export async function findEvents(tx: Tx, tenantId: string, ids: readonly string[]): Promise<AuditEvent[]> {
  const rows = await tx.auditEvent.findMany({ where: { tenantId, id: { in: [...ids] } } });
  return rows.map(fromRow);
}
