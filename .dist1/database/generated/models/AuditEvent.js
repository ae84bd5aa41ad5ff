//# sourceMappingURL=AuditEvent.js.map
