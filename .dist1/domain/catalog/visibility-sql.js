import { RIGHTS } from "./model.js";
import { levelIncludes } from "./visibility.js";
function grantInForceJoin(tenantPlaceholder) {
  return `LEFT JOIN grants g ON g.model_id = m.id AND g.tenant_id = m.tenant_id AND g.grantee_tenant_id = ${tenantPlaceholder} AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())`;
}
const GRANT_RIGHTS_COLUMN = `coalesce(g.rights, '{}') AS grant_rights`;
function tenantHoldsRight(right, tenantPlaceholder) {
  const levels = RIGHTS.filter((level) => levelIncludes(level, right)).map((level) => `'${level}'`);
  const granted = right === "VIEW" ? "g.id IS NOT NULL" : `coalesce('${right}' = ANY (g.rights), false)`;
  return `(m.tenant_id = ${tenantPlaceholder} OR ${granted} OR (m.visibility <> 'PRIVATE' AND m.public_access IN (${levels.join(", ")})))`;
}
function visibleTo(tenantPlaceholder, readsForTenant) {
  return readsForTenant ? tenantHoldsRight("VIEW", tenantPlaceholder) : `(m.visibility <> 'PRIVATE')`;
}
function listedFor(tenantPlaceholder, readsForTenant, includeArchived) {
  const others = readsForTenant ? `(m.visibility = 'PUBLIC' OR (m.visibility = 'PRIVATE' AND g.id IS NOT NULL))` : `m.visibility = 'PUBLIC'`;
  if (!readsForTenant) return `(${others} AND m.archived_at IS NULL)`;
  const own = includeArchived ? "true" : "m.archived_at IS NULL";
  return `((m.tenant_id = ${tenantPlaceholder} AND ${own}) OR (m.tenant_id <> ${tenantPlaceholder} AND m.archived_at IS NULL AND ${others}))`;
}
export {
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  listedFor,
  tenantHoldsRight,
  visibleTo
};
//# sourceMappingURL=visibility-sql.js.map
