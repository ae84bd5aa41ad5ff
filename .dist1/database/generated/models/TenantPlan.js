//# sourceMappingURL=TenantPlan.js.map
