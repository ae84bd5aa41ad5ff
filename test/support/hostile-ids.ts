/** Every place of the API that takes an id or a name to look up. */

/** Fields of Query that take an id, by variable `$id`. */
export const ID_READS: [string, string][] = [
  ...['node', 'version', 'publication', 'prediction'].map((field): [string, string] => [
    field,
    `${field}(id: $id) { id }`,
  ]),
  ...['modelId', 'versionId', 'apiKeyId'].map((field): [string, string] => [
    `predictions by ${field}`,
    `predictions(filter: { ${field}: $id }) { nodes { id } }`,
  ]),
  ['auditLog', 'auditLog(subjectId: $id) { nodes { id } }'],
  ['quota', 'quota(apiKeyId: $id) { used }'],
];
/** Mutations and an input with the hostile text in one place; `modelId` is a model of the caller's. */
export const idWrites = (modelId: string): [string, (id: string) => object][] => [
  ['revokeInvitation', (invitationId) => ({ invitationId })],
  ['removeMember', (membershipId) => ({ membershipId })],
  ['changeMemberRole', (membershipId) => ({ membershipId, role: 'VIEWER' })],
  ['acceptInvitation', (secret) => ({ token: secret })],
  ['revokeApiKey', (apiKeyId) => ({ apiKeyId })],
  ['refreshSession', (refreshToken) => ({ refreshToken })],
  ['archiveModel', (id) => ({ modelId: id })],
  ['publishVersion', (id) => ({ modelId: id, uploadId: id })],
  ['publishVersion', (uploadId) => ({ modelId, uploadId })],
  ['grantAccess', (granteeSlug) => ({ modelId, granteeSlug, rights: ['VIEW'] })],
  ['revokeAccess', (grantId) => ({ grantId })],
  ['setTenantQuota', (tenantSlug) => ({ tenantSlug, predictionsPerMonth: 1 })],
  ['predict', (id) => ({ target: { versionId: id }, inputs: [{ data: [[1]] }] })],
  ['predict', (id) => ({ target: { modelId: id }, inputs: [{ data: [[1]] }] })],
  ['predict', (model) => ({ target: { model }, inputs: [{ data: [[1]] }] })],
];
