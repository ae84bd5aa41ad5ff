/** The one registry of what can be permitted, and which role may do it. */
export const PERMISSIONS = [
  'TENANT_READ',
  'TENANT_WRITE',
  'MEMBER_MANAGE',
  'API_KEY_READ',
  'API_KEY_MANAGE',
  'MODEL_READ',
  'MODEL_WRITE',
  'VERSION_PUBLISH',
  'ARTIFACT_DOWNLOAD',
  'GRANT_MANAGE',
  'SUBSCRIPTION_MANAGE',
  'PREDICTION_RUN',
  'USAGE_READ',
  'AUDIT_READ',
  'PLATFORM_OPERATE',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** From most to least; each role may do all that the next one may. */
export const ROLES = ['OWNER', 'ADMIN', 'DEVELOPER', 'VIEWER'] as const;

export type Role = (typeof ROLES)[number];

const VIEWER: readonly Permission[] = ['TENANT_READ', 'MODEL_READ', 'USAGE_READ'];

const DEVELOPER: readonly Permission[] = [
  ...VIEWER,
  'API_KEY_READ',
  'API_KEY_MANAGE',
  'MODEL_WRITE',
  'VERSION_PUBLISH',
  'ARTIFACT_DOWNLOAD',
  'PREDICTION_RUN',
];

const ADMIN: readonly Permission[] = [
  ...DEVELOPER,
  'TENANT_WRITE',
  'MEMBER_MANAGE',
  'GRANT_MANAGE',
  'SUBSCRIPTION_MANAGE',
  'AUDIT_READ',
];

const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  OWNER: ADMIN,
  ADMIN,
  DEVELOPER,
  VIEWER,
};

/**
 * What a member may do. PLATFORM_OPERATE comes only with a leading role in the operator's own tenant,
 * so no tenant can give itself the right over others.
 */
export function permissionsOf(role: Role, tenantIsOperator: boolean): ReadonlySet<Permission> {
  const permissions = new Set(PERMISSIONS_OF[role]);
  if (tenantIsOperator && (role === 'OWNER' || role === 'ADMIN')) permissions.add('PLATFORM_OPERATE');
  return permissions;
}

/** True when `role` may do at least all that `other` may. */
export function isAtLeast(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) <= ROLES.indexOf(other);
}
