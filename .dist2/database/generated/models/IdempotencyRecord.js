//# sourceMappingURL=IdempotencyRecord.js.map
