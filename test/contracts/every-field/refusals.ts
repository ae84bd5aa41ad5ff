/** One refusal of each mutation that the story itself never sees refused. */
export const REFUSALS: readonly (readonly [field: string, input: object, error: object])[] = [
  ['acceptInvitation', { token: 'none' }, { code: 'INVALID_CREDENTIALS', path: null }],
  ['archiveModel', { modelId: 'mdl_0' }, { code: 'NOT_FOUND', path: ['modelId'] }],
  [
    'changeMemberRole',
    { membershipId: 'mbr_0', role: 'VIEWER' },
    { code: 'NOT_FOUND', path: ['membershipId'] },
  ],
  ['createApiKey', { name: '' }, { code: 'INVALID_INPUT', path: ['name'] }],
  ['grantAccess', { modelId: 'mdl_0', granteeSlug: 'operator', rights: ['VIEW'] }, { code: 'NOT_FOUND' }],
  ['inviteMember', { email: 'nowhere', role: 'VIEWER' }, { code: 'INVALID_INPUT', path: ['email'] }],
  [
    'removeLimit',
    { apiKeyId: 'key_0', measure: 'ROWS', window: 'DAY' },
    { code: 'NOT_FOUND', path: ['apiKeyId'] },
  ],
  ['setLimit', { measure: 'ROWS', window: 'DAY', amount: 1 }, { code: 'PERMISSION_DENIED' }],
  ['refreshSession', { refreshToken: 'none' }, { code: 'INVALID_CREDENTIALS', path: null }],
  ['removeMember', { membershipId: 'mbr_0' }, { code: 'NOT_FOUND', path: ['membershipId'] }],
  ['revokeAccess', { grantId: 'grt_0' }, { code: 'NOT_FOUND', path: ['grantId'] }],
  ['revokeInvitation', { invitationId: 'inv_0' }, { code: 'NOT_FOUND', path: ['invitationId'] }],
  [
    'setTenantQuota',
    { tenantSlug: 'operator' },
    { code: 'PERMISSION_DENIED', permission: 'PLATFORM_OPERATE' },
  ],
  ['signOut', { sessionId: 'ses_0' }, { code: 'NOT_FOUND', path: ['sessionId'] }],
  ['unyankVersion', { versionId: 'ver_0' }, { code: 'NOT_FOUND', path: ['versionId'] }],
  ['yankVersion', { versionId: 'ver_0', reason: 'x' }, { code: 'NOT_FOUND', path: ['versionId'] }],
  ['unarchiveModel', { modelId: 'mdl_0' }, { code: 'NOT_FOUND', path: ['modelId'] }],
  ['updateTenant', { name: '' }, { code: 'INVALID_INPUT', path: ['name'] }],
];
