export * from "./actor.js";
export * from "./can.js";
export * from "./permissions.js";
//# sourceMappingURL=index.js.map
