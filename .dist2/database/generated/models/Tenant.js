//# sourceMappingURL=Tenant.js.map
