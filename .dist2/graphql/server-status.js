//# sourceMappingURL=server-status.js.map
