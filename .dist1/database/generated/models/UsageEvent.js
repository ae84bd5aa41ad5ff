//# sourceMappingURL=UsageEvent.js.map
