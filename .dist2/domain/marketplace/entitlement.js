import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import {
  basisOfRight,
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  modelNotFound,
  PERMISSION_FOR_RIGHT
} from "../catalog/index.js";
import { notEntitled } from "./errors.js";
function entitlementFor(actor, facts, right, path = ["target"]) {
  const { model, grantRights } = facts;
  if (basisOfRight(model, actor.tenantId, grantRights, "VIEW") === null) return refuse(modelNotFound(path));
  const permission = right === "VIEW" ? null : PERMISSION_FOR_RIGHT[right];
  if (permission !== null && !can(actor, permission)) return refuse(permissionDenied(actor, permission));
  const basis = basisOfRight(model, actor.tenantId, grantRights, right);
  if (basis === null) return refuse(notEntitled(right, path));
  return ok({ right, basis, ownerTenantId: model.tenantId, consumerTenantId: actor.tenantId });
}
const entitlementFactsSql = Object.freeze({
  columns: `m.tenant_id AS owner_tenant_id, m.visibility, m.public_access, ${GRANT_RIGHTS_COLUMN}`,
  join: grantInForceJoin
});
function entitlementFactsFromRow(row) {
  return {
    model: {
      tenantId: row.owner_tenant_id,
      visibility: row.visibility,
      publicAccess: row.public_access
    },
    grantRights: row.grant_rights
  };
}
export {
  entitlementFactsFromRow,
  entitlementFactsSql,
  entitlementFor
};
//# sourceMappingURL=entitlement.js.map
