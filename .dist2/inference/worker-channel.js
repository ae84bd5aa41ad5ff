//# sourceMappingURL=worker-channel.js.map
