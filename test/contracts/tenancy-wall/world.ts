/**
 * Two tenants that must not see each other. Everything of `owner` is private and carries MARKER, so that
 * any leak into a stranger's answer can be found by searching the answer's text.
 */
import { createHash } from 'node:crypto';
import { ask, fixture, sendFile, succeed } from '../../support/api.js';
import { sellAndSubscribe } from './billing-entries.js';

export const MARKER = 'marker7f3a';

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
      | 'sha256'
      | 'grant'
      | 'apiKey'
      | 'user'
      | 'ownerMembership'
      | 'viewerMembership'
      | 'invitation'
      | 'prediction'
      | 'auditEvent'
      | 'aliasRequest'
      | 'session'
      | 'dataset'
      | 'spareDataset'
      | 'datasetUpload'
      | 'evaluation'
      | 'plan'
      | 'sparePlan'
      | 'soldPlan'
      | 'subscription',
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
  'SUBSCRIPTION_MANAGE',
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
  const carol = (await signUp('carol', { tenantSlug: `third-${run}` })) as never as SignedUp;
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
  const aliasRequest = await askForApproval(url, owner, model.id, published.version.id, async () => {
    const dora = await succeed(url, owner, 'inviteMember', 'token', {
      email: `dora-${run}@example.com`,
      role: 'DEVELOPER',
    });
    return ((await signUp('dora', { invitationToken: dora['token'] })) as never as SignedUp).session
      .accessToken;
  });
  const key = await makeKey(SCOPES);
  const revoked = await makeKey(SCOPES);
  await succeed(url, owner, 'revokeApiKey', 'apiKey { id }', { apiKeyId: revoked.apiKey.id });
  const narrow = await makeKey(['TENANT_READ']);
  const { prediction } = (await succeed(url, owner, 'predict', 'prediction { id }', {
    target: { versionId: published.version.id },
    inputs: [{ data: [Array<number>(10).fill(0.5)] }],
  })) as never as { prediction: Id };
  const csv = `${'abcdefghij'.split('').join()},label\n${Array<number>(10).fill(0.5).join()},3\n`;
  const datasetOf = async (name: string) =>
    (await succeed(url, owner, 'createDataset', 'dataset { id }', {
      name: `${name} ${MARKER}`,
      uploadId: await sendFile(url, owner, Buffer.from(csv)),
    })) as never as { dataset: Id };
  const { dataset } = await datasetOf('rows');
  const spare = await datasetOf('spare');
  const { evaluation } = (await succeed(url, owner, 'evaluateVersion', 'evaluation { id status }', {
    versionId: published.version.id,
    datasetId: dataset.id,
    waitMs: 30_000,
  })) as never as { evaluation: Id };
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
      sha256: createHash('sha256')
        .update(await fixture('keras/dense.keras'))
        .digest('hex'),
      grant: grant.id,
      apiKey: key.apiKey.id,
      user: alice.user.id,
      ownerMembership: members.find((one) => one.role === 'OWNER')?.id ?? '',
      viewerMembership: members.find((one) => one.role === 'VIEWER')?.id ?? '',
      invitation: pending.invitation.id,
      prediction: prediction.id,
      auditEvent: (seen.data as never as Seen).auditLog.nodes[0]?.id ?? '',
      session: alice.session.sessionId,
      dataset: dataset.id,
      spareDataset: spare.dataset.id,
      datasetUpload: await sendFile(url, owner, Buffer.from(csv)),
      evaluation: evaluation.id,
      aliasRequest,
      ...(await sellAndSubscribe(url, owner, carol.session.accessToken, model.id)),
    },
    stranger: { model: strangers.model.id, tenant: bob.tenant.id },
    invitationToken: pending.token,
  };
}

/** A protected alias, and what a second member wants of it. @returns the id of that request */
async function askForApproval(
  url: string,
  owner: string,
  modelId: string,
  versionId: string,
  secondMember: () => Promise<string>,
): Promise<string> {
  const developer = await secondMember();
  for (const name of [`${MARKER}-protected`, `${MARKER}-free`]) {
    await succeed(url, owner, 'setAlias', 'move { revision }', { modelId, name, versionId, reason: MARKER });
  }
  const alias = { modelId, name: `${MARKER}-protected` };
  await succeed(url, owner, 'protectAlias', 'alias { protected }', alias);
  const asked = await succeed(url, developer, 'unprotectAlias', 'request { id }', {
    ...alias,
    reason: MARKER,
  });
  return (asked as never as { request: Id }).request.id;
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
