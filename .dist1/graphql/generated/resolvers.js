//# sourceMappingURL=resolvers.js.map
