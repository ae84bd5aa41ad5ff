import { RIGHTS } from "../catalog/index.js";
function canonicalRights(rights) {
  return RIGHTS.filter((right) => rights.includes(right));
}
export {
  canonicalRights
};
//# sourceMappingURL=grant.js.map
