function granteeNotFound() {
  return { code: "NOT_FOUND", message: "There is no tenant with this slug.", path: ["granteeSlug"] };
}
function grantNotFound() {
  return { code: "NOT_FOUND", message: "There is no such grant in force.", path: ["grantId"] };
}
function grantToOneself() {
  return {
    code: "INVALID_INPUT",
    message: "Your tenant holds all rights on its own models. Name another tenant.",
    path: ["granteeSlug"]
  };
}
function noRights() {
  return {
    code: "INVALID_INPUT",
    message: "A grant gives at least one of VIEW, PREDICT and DOWNLOAD.",
    path: ["rights"]
  };
}
function expiryInThePast() {
  return { code: "INVALID_INPUT", message: "The expiry must lie in the future.", path: ["expiresAt"] };
}
export {
  expiryInThePast,
  grantNotFound,
  grantToOneself,
  granteeNotFound,
  noRights
};
//# sourceMappingURL=errors.js.map
