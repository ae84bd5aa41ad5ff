function tenantHeaderOf(request) {
  const tenant = request.headers["souk-tenant"];
  return typeof tenant === "string" ? tenant : null;
}
function authenticateRequests(identity) {
  return (request) => identity.authenticate({
    authorization: request.headers.authorization,
    tenantHeader: tenantHeaderOf(request),
    requestId: request.id,
    clientAddress: request.ip
  });
}
export {
  authenticateRequests,
  tenantHeaderOf
};
//# sourceMappingURL=authenticate-request.js.map
