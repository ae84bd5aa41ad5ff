//# sourceMappingURL=Grant.js.map
