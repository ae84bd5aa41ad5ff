//# sourceMappingURL=Publication.js.map
