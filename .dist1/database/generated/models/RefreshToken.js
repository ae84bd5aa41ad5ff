//# sourceMappingURL=RefreshToken.js.map
