import { isAtLeast, permissionsOf } from "../access/index.js";
function mayGiveRole(actor, ownRole, role, tenantIsOperator) {
  if (actor.kind === "user") return ownRole !== null && isAtLeast(ownRole, role);
  if (role === "OWNER") return false;
  return [...permissionsOf(role, tenantIsOperator)].every((permission) => actor.permissions.has(permission));
}
export {
  mayGiveRole
};
//# sourceMappingURL=may-give.js.map
