//# sourceMappingURL=tenant.js.map
