//# sourceMappingURL=Version.js.map
