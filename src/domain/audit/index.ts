export type { AuditAuthor, AuditDetails, AuditEvent, NewAuditEvent } from './audit-event.js';
export { createAuditService } from './service.js';
export type { AuditDeps, AuditLogInput, AuditService } from './service.js';
