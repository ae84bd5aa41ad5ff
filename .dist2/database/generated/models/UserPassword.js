//# sourceMappingURL=UserPassword.js.map
