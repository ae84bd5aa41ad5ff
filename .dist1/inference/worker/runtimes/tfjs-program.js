//# sourceMappingURL=tfjs-program.js.map
