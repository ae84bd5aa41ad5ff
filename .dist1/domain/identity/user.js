//# sourceMappingURL=user.js.map
