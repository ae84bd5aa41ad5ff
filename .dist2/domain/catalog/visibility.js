import { can } from "../access/index.js";
import { RIGHTS } from "./model.js";
function levelIncludes(level, right) {
  return RIGHTS.indexOf(level) >= RIGHTS.indexOf(right);
}
function basisOfRight(model, tenantId, grantRights, right) {
  if (model.tenantId === tenantId) return "OWNER";
  if (grantRights.includes(right) || right === "VIEW" && grantRights.length > 0) return "GRANT";
  if (model.visibility !== "PRIVATE" && levelIncludes(model.publicAccess, right)) return "PUBLIC";
  return null;
}
function tenantRights(model, tenantId, grantRights) {
  return RIGHTS.filter((right) => basisOfRight(model, tenantId, grantRights, right) !== null);
}
const PERMISSION_FOR_RIGHT = {
  PREDICT: "PREDICTION_RUN",
  DOWNLOAD: "ARTIFACT_DOWNLOAD"
};
function readsForTenant(actor) {
  return can(actor, "MODEL_READ");
}
function isVisible(actor, model) {
  if (model.visibility !== "PRIVATE") return true;
  return readsForTenant(actor) && basisOfRight(model, actor.tenantId, model.grantRights, "VIEW") !== null;
}
function viewerRights(actor, model) {
  return tenantRights(model, actor.tenantId, model.grantRights).filter(
    (right) => right === "VIEW" ? isVisible(actor, model) : can(actor, PERMISSION_FOR_RIGHT[right])
  );
}
function isListed(actor, model, includeArchived) {
  if (!isVisible(actor, model)) return false;
  if (model.tenantId === actor.tenantId && readsForTenant(actor)) {
    return includeArchived || model.archivedAt === null;
  }
  return model.visibility !== "UNLISTED" && model.archivedAt === null;
}
function viewerCanEdit(actor, model) {
  return model.tenantId === actor.tenantId && can(actor, "MODEL_WRITE");
}
export {
  PERMISSION_FOR_RIGHT,
  basisOfRight,
  isListed,
  isVisible,
  levelIncludes,
  readsForTenant,
  tenantRights,
  viewerCanEdit,
  viewerRights
};
//# sourceMappingURL=visibility.js.map
