function can(actor, permission) {
  return actor.permissions.has(permission);
}
function permissionDenied(actor, permission) {
  const holder = actor.kind === "apiKey" ? "This API key" : "Your role in this tenant";
  return {
    code: "PERMISSION_DENIED",
    message: `${holder} does not include the permission ${permission}.`,
    permission
  };
}
export {
  can,
  permissionDenied
};
//# sourceMappingURL=can.js.map
