function hasTenant(actor) {
  return actor.tenantId !== null;
}
export {
  hasTenant
};
//# sourceMappingURL=actor.js.map
