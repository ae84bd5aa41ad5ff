/**
 * One row for each field of Query and Mutation, and for each field of a type that takes an id: what it
 * answers to a stranger (owner of another tenant) and to a VIEWER of the tenant. A field without a row
 * fails the wall, so a new field cannot be forgotten.
 */
import { billingEntries } from './billing-entries.js';
import { evaluationEntries } from './evaluation-entries.js';
import { ledgerEntries } from './ledger-entries.js';
import { limitEntries } from './limit-entries.js';
import { provenanceEntries } from './provenance-entries.js';
import { MARKER, type World } from './world.js';

export type Outcome =
  /** Top-level null, as for what does not exist. */
  | 'null'
  /** The list is there and empty. */
  | 'empty'
  /** Works, and shows nothing of another tenant. */
  | 'ok'
  /** A refusal in the payload with this code. */
  | { readonly refused: string }
  /** A top-level error with this code. */
  | { readonly error: string };

export interface Entry {
  readonly document: string;
  readonly variables: (world: World) => object;
  readonly stranger: Outcome;
  readonly viewer: Outcome;
  /** Open to requests without a credential; a revoked one is refused all the same. */
  readonly isOpen?: boolean;
  /** Works for the owner, which proves that the others are refused for who they are. Absent where ownership is not the point. */
  readonly owner?: Outcome;
  /** What the owner sends instead, where the same would be refused for another reason. */
  readonly ownerVariables?: (world: World) => object;
  /** An id that exists nowhere must get the stranger's answer to the letter: names the variable to replace. */
  readonly secretId?: string;
}

const nothingSuch = { refused: 'NOT_FOUND' } as const;
const denied = { refused: 'PERMISSION_DENIED' } as const;

function mutation(field: string, selection: string): string {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  return `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { __typename code message path } } }`;
}

function onOwn(
  field: string,
  selection: string,
  secretId: string,
  variables: (world: World) => object,
  rest: Partial<Entry> = {},
): Entry {
  return {
    document: mutation(field, selection),
    variables: (world) => ({ input: variables(world) }),
    stranger: nothingSuch,
    viewer: denied,
    secretId,
    owner: 'ok',
    ...rest,
  };
}

/** A move of an alias of the owner's. The protected one cannot be moved by one person, so the free one proves the way. */
const aliasInput =
  (more: object, name = `${MARKER}-free`) =>
  ({ ids }: World) => ({ modelId: ids.model, name, reason: 'x', expectedVersionId: ids.version, ...more });
const moved = 'move { revision } request { id }';

const aliasEntries: Readonly<Record<string, Entry>> = {
  'Query.checkAliasMove': {
    document:
      'query ($input: CheckAliasMoveInput!) { checkAliasMove(input: $input) { verdict alias { name } callers { nodes { tenant { slug } } } } }',
    variables: ({ ids }) => ({
      input: { modelId: ids.model, name: `${MARKER}-free`, versionId: ids.version },
    }),
    stranger: 'null',
    viewer: { error: 'PERMISSION_DENIED' },
    owner: 'ok',
    secretId: 'modelId',
  },
  'Mutation.setAlias': onOwn('setAlias', moved, 'modelId', (world) => ({
    ...aliasInput({})(world),
    versionId: world.ids.version,
  })),
  'Mutation.rollbackAlias': onOwn('rollbackAlias', moved, 'modelId', aliasInput({}), {
    // It has not moved since it was made.
    owner: { refused: 'CONFLICT' },
  }),
  'Mutation.protectAlias': onOwn('protectAlias', 'alias { name }', 'modelId', ({ ids }) => ({
    modelId: ids.model,
    name: `${MARKER}-protected`,
  })),
  'Mutation.unprotectAlias': onOwn('unprotectAlias', 'request { id }', 'modelId', ({ ids }) => ({
    modelId: ids.model,
    name: `${MARKER}-protected`,
    reason: 'x',
  })),
  'Mutation.approveAliasMove': onOwn('approveAliasMove', moved, 'requestId', ({ ids }) => ({
    requestId: ids.aliasRequest,
  })),
  'Mutation.rejectAliasMove': onOwn(
    'rejectAliasMove',
    'request { id }',
    'requestId',
    ({ ids }) => ({ requestId: ids.aliasRequest, reason: 'x' }),
    // The owner has approved it above.
    { owner: { refused: 'CONFLICT' } },
  ),
  'Mutation.deleteAlias': onOwn('deleteAlias', moved, 'modelId', aliasInput({})),
};

export const entries: Readonly<Record<string, Entry>> = {
  'Query.node': {
    document: 'query ($id: ID!) { node(id: $id) { id ... on Model { summary } } }',
    variables: ({ ids }) => ({ id: ids.model }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.viewer': {
    document:
      '{ viewer { user { id } tenant { id slug members { nodes { id } } apiKeys { nodes { id } } } memberships { tenant { id } } } }',
    variables: () => ({}),
    stranger: 'ok',
    viewer: 'ok',
    owner: 'ok',
    isOpen: true,
  },
  'Query.serverInfo': {
    document:
      '{ serverInfo { version isolation threadsPerWorker walls { ownMemory networkCutOff } importWalls { filesHidden } pool { queued } } }',
    variables: () => ({}),
    stranger: 'ok',
    viewer: 'ok',
    owner: 'ok',
    isOpen: true,
  },
  'Query.auditLog': {
    document: 'query ($id: ID) { auditLog(subjectId: $id) { nodes { id subjectId } } }',
    variables: ({ ids }) => ({ id: ids.model }),
    stranger: 'empty',
    viewer: { error: 'PERMISSION_DENIED' },
    owner: 'ok',
    secretId: 'id',
  },
  'Query.model': {
    document: 'query ($owner: String!, $name: String!) { model(owner: $owner, name: $name) { id summary } }',
    variables: () => ({ owner: 'set by the test', name: 'set by the test' }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'name',
  },
  'Query.models': {
    document:
      'query ($search: String) { models(search: $search) { totalCount nodes { id } facets { tags { value } owners { value } } } }',
    variables: () => ({ search: 'marker7f3a' }),
    stranger: 'empty',
    viewer: 'ok',
    owner: 'ok',
  },
  'Query.version': {
    document: 'query ($id: ID!) { version(id: $id) { id sha256 downloadUrl model { id } } }',
    variables: ({ ids }) => ({ id: ids.version }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.publication': {
    document: 'query ($id: ID!) { publication(id: $id) { id status } }',
    variables: ({ ids }) => ({ id: ids.publication }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.quota': {
    document: 'query ($id: ID) { quota(apiKeyId: $id) { subject subjectId used } }',
    variables: ({ ids }) => ({ id: ids.apiKey }),
    stranger: { error: 'NOT_FOUND' },
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.usage': {
    document:
      '{ usage(groupBy: [MODEL, VERSION, API_KEY]) { total { predictions } rows { model modelId versionId apiKeyId } } }',
    variables: () => ({}),
    stranger: 'ok',
    viewer: 'ok',
    owner: 'ok',
  },
  'Query.prediction': {
    document: 'query ($id: ID!) { prediction(id: $id) { id receipt { model } } }',
    variables: ({ ids }) => ({ id: ids.prediction }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.predictions': {
    document: 'query ($id: ID) { predictions(filter: { modelId: $id }) { nodes { id } } }',
    variables: ({ ids }) => ({ id: ids.model }),
    stranger: 'empty',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },

  'Mutation.signUp': {
    document: mutation('signUp', 'user { id }'),
    variables: () => ({ input: { email: 'not an address', password: 'a long password', name: 'x' } }),
    stranger: { refused: 'INVALID_INPUT' },
    viewer: { refused: 'INVALID_INPUT' },
    isOpen: true,
  },
  'Mutation.signIn': {
    document: mutation('signIn', 'user { id }'),
    variables: () => ({ input: { email: 'nobody@example.com', password: 'a long password' } }),
    stranger: { refused: 'INVALID_CREDENTIALS' },
    viewer: { refused: 'INVALID_CREDENTIALS' },
    isOpen: true,
  },
  'Mutation.refreshSession': {
    document: mutation('refreshSession', 'session { sessionId }'),
    variables: () => ({ input: { refreshToken: 'nonsense' } }),
    stranger: { refused: 'INVALID_CREDENTIALS' },
    viewer: { refused: 'INVALID_CREDENTIALS' },
    isOpen: true,
  },
  'Mutation.signOut': onOwn(
    'signOut',
    'endedSessionIds',
    'sessionId',
    ({ ids }) => ({ sessionId: ids.session }),
    {
      viewer: nothingSuch,
    },
  ),
  'Mutation.createTenant': {
    document: mutation('createTenant', 'tenant { id }'),
    variables: () => ({ input: { slug: 'No Such Slug' } }),
    stranger: { refused: 'INVALID_INPUT' },
    viewer: { refused: 'INVALID_INPUT' },
  },
  'Mutation.updateTenant': {
    document: mutation('updateTenant', 'tenant { id name }'),
    variables: () => ({ input: { name: 'Renamed' } }),
    stranger: 'ok',
    viewer: denied,
    owner: 'ok',
  },
  'Mutation.inviteMember': {
    document: mutation('inviteMember', 'invitation { id }'),
    variables: () => ({ input: { email: 'somebody@example.com', role: 'VIEWER' } }),
    stranger: 'ok',
    viewer: denied,
    owner: 'ok',
  },
  'Mutation.revokeInvitation': onOwn(
    'revokeInvitation',
    'revokedInvitationId',
    'invitationId',
    ({ ids }) => ({
      invitationId: ids.invitation,
    }),
  ),
  'Mutation.acceptInvitation': {
    document: mutation('acceptInvitation', 'membership { id }'),
    variables: ({ invitationToken }) => ({ input: { token: invitationToken } }),
    stranger: { refused: 'INVALID_CREDENTIALS' },
    viewer: { refused: 'INVALID_CREDENTIALS' },
  },
  'Mutation.changeMemberRole': onOwn(
    'changeMemberRole',
    'membership { id }',
    'membershipId',
    ({ ids }) => ({
      membershipId: ids.ownerMembership,
      role: 'VIEWER',
    }),
    { ownerVariables: ({ ids }) => ({ input: { membershipId: ids.viewerMembership, role: 'DEVELOPER' } }) },
  ),
  'Mutation.removeMember': onOwn(
    'removeMember',
    'removedMembershipId',
    'membershipId',
    ({ ids }) => ({
      membershipId: ids.ownerMembership,
    }),
    { ownerVariables: ({ ids }) => ({ input: { membershipId: ids.viewerMembership } }) },
  ),
  'Mutation.createApiKey': {
    document: mutation('createApiKey', 'apiKey { id }'),
    variables: () => ({ input: { name: 'own' } }),
    stranger: 'ok',
    viewer: denied,
    owner: 'ok',
  },
  'Mutation.revokeApiKey': onOwn('revokeApiKey', 'apiKey { id }', 'apiKeyId', ({ ids }) => ({
    apiKeyId: ids.apiKey,
  })),
  'Mutation.createModel': {
    document: mutation('createModel', 'model { id }'),
    variables: () => ({ input: { name: `made-${Math.random().toString(36).slice(2, 10)}` } }),
    stranger: 'ok',
    viewer: denied,
    owner: 'ok',
  },
  'Mutation.updateModel': onOwn(
    'updateModel',
    'model { id }',
    'modelId',
    ({ ids }) => ({ modelId: ids.model, task: 'changed' }),
    { owner: 'ok' },
  ),
  'Mutation.archiveModel': onOwn('archiveModel', 'model { id }', 'modelId', ({ ids }) => ({
    modelId: ids.model,
  })),
  'Mutation.unarchiveModel': onOwn('unarchiveModel', 'model { id }', 'modelId', ({ ids }) => ({
    modelId: ids.model,
  })),
  'Mutation.publishVersion': onOwn(
    'publishVersion',
    'publication { id } version { id }',
    'modelId',
    ({ ids }) => ({
      modelId: ids.model,
      uploadId: ids.upload,
    }),
  ),
  ...aliasEntries,
  'Mutation.createUploadFromDigest': {
    document: mutation('createUploadFromDigest', 'upload { id }'),
    variables: ({ ids }) => ({ input: { sha256: ids.sha256 } }),
    stranger: nothingSuch,
    viewer: denied,
    owner: 'ok',
  },
  'Mutation.setTenantStorage': {
    document: mutation('setTenantStorage', 'storage { limitBytes }'),
    variables: () => ({ input: { tenantSlug: 'operator', limitBytes: 1 } }),
    stranger: denied,
    viewer: denied,
  },
  'Mutation.grantAccess': onOwn('grantAccess', 'grant { id }', 'modelId', ({ ids }) => ({
    modelId: ids.model,
    granteeSlug: 'operator',
    rights: ['DOWNLOAD'],
  })),
  'Mutation.revokeAccess': onOwn('revokeAccess', 'revokedGrantId', 'grantId', ({ ids }) => ({
    grantId: ids.grant,
  })),
  'Mutation.setTenantQuota': {
    document: mutation('setTenantQuota', 'quota { limit }'),
    variables: () => ({ input: { tenantSlug: 'operator', predictionsPerMonth: 1 } }),
    stranger: denied,
    viewer: denied,
  },
  'Mutation.predict': onOwn(
    'predict',
    'prediction { id }',
    'target.versionId',
    ({ ids }) => ({ target: { versionId: ids.version }, inputs: [{ data: [Array<number>(10).fill(0.5)] }] }),
    { owner: 'ok' },
  ),
  ...evaluationEntries(mutation, onOwn),
  ...provenanceEntries,
  ...ledgerEntries,
  ...limitEntries,
  ...billingEntries(mutation, onOwn),
};
