//# sourceMappingURL=services.js.map
