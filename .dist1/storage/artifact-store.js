//# sourceMappingURL=artifact-store.js.map
