/**
 * Two tenants that must not see each other. Everything of `owner` is private and carries MARKER, so that
 * any leak into a stranger's answer can be found by searching the answer's text.
 */
import { readFile } from 'node:fs/promises';

export const MARKER = 'marker7f3a';

export interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly { message: string; extensions: { code: string; requestId: string } }[];
  /** The whole body without request ids, to compare and to search. */
  readonly text: string;
}

export async function ask(
  url: string,
  credential: string | null,
  document: string,
  variables: object = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    body: JSON.stringify({ query: document, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: Answer['data']; errors?: Answer['errors'] };
  return {
    status: response.status,
    data: body.data ?? null,
    errors: body.errors ?? [],
    text: text.replace(/req_[0-9a-z]{26}/g, 'req_*'),
  };
}

/** Runs a mutation that must succeed, and answers its payload. */
async function succeed(
  url: string,
  credential: string | null,
  field: string,
  selection: string,
  input: object,
) {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  const answer = await ask(
    url,
    credential,
    `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { code message path } } }`,
    { input },
  );
  const payload = answer.data?.[field] as Record<string, never> & { errors: unknown[] };
  if (answer.errors.length > 0 || payload.errors.length > 0) throw new Error(`${field}: ${answer.text}`);
  return payload;
}

export interface World {
  readonly url: string;
  readonly credentials: Readonly<
    Record<'owner' | 'viewer' | 'stranger' | 'revokedKey' | 'narrowKey', string>
  >;
  readonly ids: Readonly<
    Record<
      | 'tenant'
      | 'model'
      | 'version'
      | 'publication'
      | 'upload'
      | 'grant'
      | 'apiKey'
      | 'user'
      | 'ownerMembership'
      | 'viewerMembership'
      | 'invitation'
      | 'prediction'
      | 'auditEvent'
      | 'session',
      string
    >
  >;
  readonly stranger: Readonly<Record<'model' | 'tenant', string>>;
  readonly invitationToken: string;
}

const SCOPES = [
  'MODEL_READ',
  'PREDICTION_RUN',
  'USAGE_READ',
  'MODEL_WRITE',
  'VERSION_PUBLISH',
  'ARTIFACT_DOWNLOAD',
  'API_KEY_READ',
  'API_KEY_MANAGE',
  'TENANT_READ',
  'GRANT_MANAGE',
  'AUDIT_READ',
];

export async function buildWorld(url: string): Promise<World> {
  const run = Math.random().toString(36).slice(2, 8);
  const signUp = (name: string, extra: object) =>
    succeed(url, null, 'signUp', 'session { accessToken sessionId } user { id } tenant { id slug }', {
      email: `${name}-${run}@example.com`,
      password: `a long password ${run}`,
      name: `${name} ${MARKER}`,
      ...extra,
    });
  const alice = (await signUp('alice', { tenantSlug: `owner-${run}` })) as never as SignedUp;
  const bob = (await signUp('bob', { tenantSlug: `stranger-${run}` })) as never as SignedUp;
  await signUp('carol', { tenantSlug: `third-${run}` });
  const owner = alice.session.accessToken;

  const invited = await succeed(url, owner, 'inviteMember', 'token', {
    email: `vera-${run}@example.com`,
    role: 'VIEWER',
  });
  const vera = (await signUp('vera', { invitationToken: invited['token'] })) as never as SignedUp;
  const pending = (await succeed(url, owner, 'inviteMember', 'invitation { id } token', {
    email: `walter-${run}@example.com`,
    role: 'VIEWER',
  })) as never as { invitation: Id; token: string };

  const { model } = (await succeed(url, owner, 'createModel', 'model { id }', {
    name: `secret-${MARKER}`,
    summary: MARKER,
    tags: [MARKER],
  })) as never as { model: Id };
  const published = (await succeed(url, owner, 'publishVersion', 'publication { id } version { id }', {
    modelId: model.id,
    uploadId: await sendFile(url, owner),
  })) as never as { publication: Id; version: Id };
  const { grant } = (await succeed(url, owner, 'grantAccess', 'grant { id }', {
    modelId: model.id,
    granteeSlug: `third-${run}`,
    rights: ['PREDICT'],
  })) as never as { grant: Id };
  const makeKey = async (scopes: readonly string[]) =>
    (await succeed(url, owner, 'createApiKey', 'apiKey { id } secret', {
      name: MARKER,
      scopes,
    })) as never as {
      apiKey: Id;
      secret: string;
    };
  const key = await makeKey(SCOPES);
  const revoked = await makeKey(SCOPES);
  await succeed(url, owner, 'revokeApiKey', 'apiKey { id }', { apiKeyId: revoked.apiKey.id });
  const narrow = await makeKey(['TENANT_READ']);
  const { prediction } = (await succeed(url, owner, 'predict', 'prediction { id }', {
    target: { versionId: published.version.id },
    inputs: [{ data: [Array<number>(10).fill(0.5)] }],
  })) as never as { prediction: Id };
  const seen = await ask(
    url,
    owner,
    '{ auditLog(first: 1) { nodes { id } } viewer { memberships { id } tenant { members { nodes { id role } } } } }',
  );
  const members = (seen.data as never as Seen).viewer.tenant.members.nodes;
  const strangers = (await succeed(url, bob.session.accessToken, 'createModel', 'model { id }', {
    name: 'own',
  })) as never as { model: Id };

  return {
    url,
    credentials: {
      owner,
      viewer: vera.session.accessToken,
      stranger: bob.session.accessToken,
      revokedKey: revoked.secret,
      narrowKey: narrow.secret,
    },
    ids: {
      tenant: alice.tenant.id,
      model: model.id,
      version: published.version.id,
      publication: published.publication.id,
      upload: await sendFile(url, owner),
      grant: grant.id,
      apiKey: key.apiKey.id,
      user: alice.user.id,
      ownerMembership: members.find((one) => one.role === 'OWNER')?.id ?? '',
      viewerMembership: members.find((one) => one.role === 'VIEWER')?.id ?? '',
      invitation: pending.invitation.id,
      prediction: prediction.id,
      auditEvent: (seen.data as never as Seen).auditLog.nodes[0]?.id ?? '',
      session: alice.session.sessionId,
    },
    stranger: { model: strangers.model.id, tenant: bob.tenant.id },
    invitationToken: pending.token,
  };
}

interface Id {
  readonly id: string;
}
interface SignedUp {
  readonly session: { readonly accessToken: string; readonly sessionId: string };
  readonly user: Id;
  readonly tenant: Id;
}
interface Seen {
  readonly auditLog: { readonly nodes: readonly Id[] };
  readonly viewer: {
    readonly tenant: { readonly members: { readonly nodes: readonly (Id & { role: string })[] } };
  };
}

/** Uploads the smallest fixture, and answers the upload's id. */
export async function sendFile(url: string, credential: string): Promise<string> {
  const response = await fetch(`${url}/uploads`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/octet-stream' },
    body: await readFile(new URL('../../fixtures/keras/dense.keras', import.meta.url)),
  });
  return ((await response.json()) as { upload: Id }).upload.id;
}
