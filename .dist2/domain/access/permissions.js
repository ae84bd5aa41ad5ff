const PERMISSIONS = [
  "TENANT_READ",
  "TENANT_WRITE",
  "MEMBER_MANAGE",
  "API_KEY_READ",
  "API_KEY_MANAGE",
  "MODEL_READ",
  "MODEL_WRITE",
  "VERSION_PUBLISH",
  "ARTIFACT_DOWNLOAD",
  "GRANT_MANAGE",
  "PREDICTION_RUN",
  "USAGE_READ",
  "AUDIT_READ",
  "PLATFORM_OPERATE"
];
const ROLES = ["OWNER", "ADMIN", "DEVELOPER", "VIEWER"];
const VIEWER = ["TENANT_READ", "MODEL_READ", "USAGE_READ"];
const DEVELOPER = [
  ...VIEWER,
  "API_KEY_READ",
  "API_KEY_MANAGE",
  "MODEL_WRITE",
  "VERSION_PUBLISH",
  "ARTIFACT_DOWNLOAD",
  "PREDICTION_RUN"
];
const ADMIN = [
  ...DEVELOPER,
  "TENANT_WRITE",
  "MEMBER_MANAGE",
  "GRANT_MANAGE",
  "AUDIT_READ"
];
const PERMISSIONS_OF = {
  OWNER: ADMIN,
  ADMIN,
  DEVELOPER,
  VIEWER
};
function permissionsOf(role, tenantIsOperator) {
  const permissions = new Set(PERMISSIONS_OF[role]);
  if (tenantIsOperator && (role === "OWNER" || role === "ADMIN")) permissions.add("PLATFORM_OPERATE");
  return permissions;
}
function isAtLeast(role, other) {
  return ROLES.indexOf(role) <= ROLES.indexOf(other);
}
export {
  PERMISSIONS,
  ROLES,
  isAtLeast,
  permissionsOf
};
//# sourceMappingURL=permissions.js.map
