function fromRow(row) {
  return { ...row, details: row.details };
}
async function insertEvent(tx, tenantId, event) {
  await tx.auditEvent.createMany({
    data: [{ ...event, tenantId, details: event.details }]
  });
}
async function listEvents(tx, tenantId, page, subjectId) {
  const before = page.after?.[0];
  const rows = await tx.auditEvent.findMany({
    where: {
      tenantId,
      ...subjectId === null ? {} : { subjectId },
      ...before === void 0 ? {} : { id: { lt: String(before) } }
    },
    orderBy: { id: "desc" },
    take: page.first + 1
  });
  return rows.map(fromRow);
}
async function findEvents(tx, tenantId, ids) {
  const rows = await tx.auditEvent.findMany({ where: { tenantId, id: { in: [...ids] } } });
  return rows.map(fromRow);
}
export {
  findEvents,
  insertEvent,
  listEvents
};
//# sourceMappingURL=store.js.map
