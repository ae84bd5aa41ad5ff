//# sourceMappingURL=ApiKey.js.map
