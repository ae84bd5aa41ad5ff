//# sourceMappingURL=QuotaCounter.js.map
