/**
 * Nothing is declared that does not work. One real server, a world in which everything has a value, and
 * each field of each type asked for. A field, an enum value or an error type that the schema gains without
 * this test meeting it fails here, by name.
 */
import { readFileSync } from 'node:fs';
import { buildSchema, isInterfaceType } from 'graphql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { fixture } from '../support/api.js';
import { startServer, type TestServer } from '../support/server.js';
import { savedModelFiles, zipOfFiles } from '../support/saved-models.js';
import { until } from '../support/until.js';
import { followAliases } from './every-field/alias-stories.js';
import { createClient, type Client } from './every-field/client.js';
import { ALWAYS_EMPTY, NOT_AUDITED, UNSEEN_VALUES } from './every-field/exceptions.js';
import {
  layersModel,
  nodeOnlyModel,
  tableModel,
  REFUSED_FILES,
  slowModel,
  textModel,
  mixedModel,
} from './every-field/files.js';
import { enumValues, errorTypes, neverFilled, unansweredFields } from './every-field/completeness.js';
import { meetOverload, meetQuarantine } from './every-field/pool-stories.js';
import { meetEvaluations } from './every-field/evaluations.js';
import { meetLimits } from './every-field/limits-story.js';
import { meetBilling } from './every-field/billing-story.js';
import { meetProvenance } from './every-field/provenance-story.js';
import { REFUSALS } from './every-field/refusals.js';
import { keepLedger } from './every-field/ledger-story.js';
import { createSightings } from './every-field/selection.js';
import { meetUploads } from './every-field/upload-stories.js';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const sightings = createSightings(schema);
const row = Array.from({ length: 10 }, (_, i) => i / 10);
const SLOW = [[1, 1, 900]]; // For `slowModel`.
const PASSWORD = 'a long enough password';
vi.setConfig({ testTimeout: 120_000 }); // A dozen imports, each in a process of its own, on a busy machine.
let server: TestServer, client: Client;
/** Access tokens. */
let owner: string, stranger: string, operator: string;
let key: { id: string; secret: string };
const ids: Record<string, string> = {}; // By the kind of object.
const run = Math.random().toString(36).slice(2, 8);
const [ownerSlug, strangerSlug] = [`owner-${run}`, `stranger-${run}`];

beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
  client = createClient(server.url, schema, sightings);
  const bootstrap = JSON.parse(readFileSync(`${server.dataDirectory}/bootstrap.json`, 'utf8')) as {
    email: string;
    password: string;
  };
  operator = (await client.done('signIn', null, { email: bootstrap.email, password: bootstrap.password }))
    .session.accessToken;
});
afterAll(() => server.stop());
const predictOn = (versionId: string, data: unknown, more: object = {}) => {
  return { target: { versionId }, inputs: [{ data }], ...more };
};

it('people: sign-up, sign-in, invitations, roles, keys, sessions', async () => {
  const signedUp = await client.done('signUp', null, {
    email: `alice-${run}@example.com`,
    password: PASSWORD,
    name: 'Alice',
    tenantSlug: ownerSlug,
  });
  owner = signedUp.session.accessToken;
  Object.assign(ids, { Tenant: signedUp.tenant.id, User: signedUp.user.id });
  const bob = await client.done('signUp', null, {
    email: `bob-${run}@example.com`,
    password: PASSWORD,
    name: 'Bob',
    tenantSlug: strangerSlug,
  });
  stranger = bob.session.accessToken;
  const refreshed = await client.done('refreshSession', null, { refreshToken: bob.session.refreshToken });
  stranger = refreshed.session.accessToken;
  // Invited by token, once with a sign-up and once by somebody who is here already.
  const forVera = await client.done('inviteMember', owner, {
    email: `vera-${run}@example.com`,
    role: 'ADMIN',
  });
  const other = await client.refused('signUp', null, {
    email: `else-${run}@example.com`,
    password: PASSWORD,
    name: 'Else',
    invitationToken: forVera.token,
  });
  expect(other).toMatchObject([{ code: 'INVALID_CREDENTIALS', path: null }]);
  const vera = await client.done('signUp', null, {
    email: `VERA-${run}@example.com`,
    password: PASSWORD,
    name: 'Vera',
    invitationToken: forVera.token,
  });
  expect(vera.tenant.slug).toBe(ownerSlug);
  const forBob = await client.done('inviteMember', owner, {
    email: `bob-${run}@example.com`,
    role: 'VIEWER',
  });
  const joined = await client.done('acceptInvitation', stranger, { token: forBob.token });
  ids['Membership'] = joined.membership.id;
  const pending = await client.done('inviteMember', owner, { email: `x-${run}@example.com`, role: 'OWNER' });
  ids['Invitation'] = pending.invitation.id;
  const lost = await client.done('inviteMember', owner, { email: `y-${run}@example.com`, role: 'DEVELOPER' });
  await client.done('revokeInvitation', owner, { invitationId: lost.invitation.id });
  // A role counts from the next request on.
  const named = { name: 'x' };
  const inOwner = { 'souk-tenant': ownerSlug };
  const denied = await client.refused('createModel', stranger, named, inOwner);
  expect(denied).toMatchObject([{ code: 'PERMISSION_DENIED', permission: 'MODEL_WRITE', path: null }]);
  await client.done('changeMemberRole', owner, { membershipId: ids['Membership'], role: 'DEVELOPER' });
  const asDeveloper = await client.ask(stranger, '{ viewer { __typename role permissions } }', {}, inOwner);
  expect(asDeveloper).toMatchObject({ viewer: { role: 'DEVELOPER' } });
  const [invalid] = await client.refused('createModel', stranger, { name: 'No Name' }, inOwner);
  expect(invalid).toMatchObject({ code: 'INVALID_INPUT', path: ['name'] });

  await client.done('updateTenant', owner, { name: 'Renamed' });
  await client.done('createTenant', stranger, { slug: `second-${run}` });
  const made = await client.done('createApiKey', owner, {
    name: 'all',
    scopes: ['MODEL_READ', 'PREDICTION_RUN', 'USAGE_READ'],
    expiresAt: '2099-01-01T00:00:00.000Z',
    predictionsPerMonth: 1,
  });
  key = { id: made.apiKey.id, secret: made.secret };
  ids['ApiKey'] = key.id;
  const revoked = await client.done('createApiKey', owner, { name: 'revoked' });
  expect(revoked.apiKey.scopes).toEqual(['MODEL_READ', 'PREDICTION_RUN', 'USAGE_READ']);
  const after = await client.done('revokeApiKey', owner, { apiKeyId: revoked.apiKey.id });
  expect(after.apiKey.revokedAt).not.toBeNull();

  const program = await client.done('createApiKey', owner, { name: 'program', scopes: ['MODEL_WRITE'] });
  await client.done('createModel', program.secret, { name: 'by-a-program', visibility: 'UNLISTED' });
  for (const [field, input, error] of REFUSALS) {
    const [first] = await client.refused(field, stranger, input);
    expect(first, field).toMatchObject(error);
  }

  const taken = await client.refused('createTenant', stranger, { slug: ownerSlug });
  expect(taken).toMatchObject([{ code: 'CONFLICT', path: ['slug'] }]);
  const missing = await client.refused('revokeApiKey', owner, { apiKeyId: 'key_0' });
  expect(missing).toMatchObject([{ code: 'NOT_FOUND', path: ['apiKeyId'] }]);
  // Impossible passwords count as attempts, and cost nothing to check.
  for (let i = 0; i < 10; i++) {
    const wrong = await client.refused('signIn', null, { email: `z-${run}@example.com`, password: 'x' });
    expect(wrong).toMatchObject([{ code: 'INVALID_CREDENTIALS', path: null }]);
  }
  const [limited] = await client.refused('signIn', null, { email: `z-${run}@example.com`, password: 'x' });
  expect(limited).toMatchObject({ code: 'RATE_LIMITED', path: null });
  expect(limited?.['retryAfterMs']).toBeGreaterThan(0);
  expect(limited?.['retryAfterMs']).toBeLessThanOrEqual(30_000);
});

it('models and versions: publications in every state, refusals with their reasons', async () => {
  const described = {
    name: 'digits',
    summary: 'One line.',
    card: '# Card',
    licence: 'MIT',
    tags: ['tag'],
    task: 'image-classification',
    visibility: 'PUBLIC',
    publicAccess: 'VIEW',
  };
  const made = await client.done('createModel', owner, described);
  expect(made.model).toMatchObject({ ...described, fullName: `${ownerSlug}/digits`, viewerCanEdit: true });
  ids['Model'] = made.model.id;
  const modelId = made.model.id;
  const started = await client.done('publishVersion', owner, {
    modelId,
    uploadId: await client.upload(owner, await fixture('digits/digits.h5')),
    notes: 'The first.',
    waitMs: 0,
  });
  ids['Publication'] = started.publication.id;
  let publication = started.publication;
  await until(
    async () => {
      publication = await client.node('Publication', owner, ids['Publication']);
      return publication.status === 'SUCCEEDED';
    },
    { timeoutMs: 30_000 },
  );
  expect(publication).toMatchObject({ progress: 1, phase: null, refusal: null, version: { number: 1 } });
  ids['Version'] = publication.version.id;
  ids['Upload'] = await client.upload(owner, await fixture('keras/dense.keras'));

  for (const [reason, bytes] of Object.entries(REFUSED_FILES)) {
    const [refusal] = await client.refused('publishVersion', owner, {
      modelId,
      uploadId: await client.upload(owner, bytes()),
    });
    expect(refusal).toMatchObject({ code: 'IMPORT_REFUSED', reason, path: ['uploadId'] });
  }
  const uploadId = await client.upload(owner, layersModel('Lambda'));
  const [layer] = await client.refused('publishVersion', owner, { modelId, uploadId });
  expect(layer).toMatchObject({ reason: 'UNSUPPORTED_LAYER', importSubject: 'lambda' });
  const log = await client.ask(owner, '{ auditLog { nodes { action subjectId } } }');
  const refusedId = (log.auditLog.nodes as { action: string; subjectId: string }[]).find(
    ({ action }) => action === 'refusePublication',
  )?.subjectId;
  const refused = await client.node('Publication', owner, refusedId);
  expect(refused).toMatchObject({ status: 'REFUSED', version: null, refusal: { code: 'IMPORT_REFUSED' } });

  await client.done('grantAccess', owner, {
    modelId,
    granteeSlug: `second-${run}`,
    rights: ['VIEW', 'DOWNLOAD'],
    expiresAt: '2099-01-01T00:00:00.000Z',
  });
  const grant = await client.done('grantAccess', owner, {
    modelId,
    granteeSlug: 'operator',
    rights: ['VIEW'],
  });
  await client.done('revokeAccess', owner, { grantId: grant.grant.id });
  const page = await client.node('Model', owner, modelId);
  ids['Grant'] = page.grants.nodes[0].id;
  expect(page.grants.nodes).toHaveLength(1);

  await client.done('updateModel', owner, { modelId, summary: 'Changed.' });
  const archived = await client.done('archiveModel', owner, { modelId });
  expect(archived.model.archivedAt).not.toBeNull();
  const readOnly = await client.refused('updateModel', owner, { modelId, summary: 'No.' });
  expect(readOnly).toMatchObject([{ code: 'CONFLICT', path: ['modelId'] }]);
  await client.done('unarchiveModel', owner, { modelId });
});

it('predictions and what is refused of them', async () => {
  const { versionId } = await client.publish(owner, await fixture('keras/dense.keras'));
  const input = predictOn(versionId, [row], { idempotencyKey: `once-${run}` });
  const answered = await client.done('predict', owner, input);
  ids['Prediction'] = answered.prediction.id;
  expect(await client.done('predict', owner, { ...input, outputEncoding: 'JSON' })).toMatchObject({
    prediction: { receipt: { replayed: true, charged: 0 } },
  });
  const mismatch = await client.refused('predict', owner, {
    ...input,
    inputs: [{ data: [[...row].reverse()] }],
  });
  expect(mismatch).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH', path: ['idempotencyKey'] }]);
  await client.done('predict', key.secret, predictOn(versionId, [row], { outputEncoding: 'BASE64' }));
  const [quota] = await client.refused('predict', key.secret, predictOn(versionId, [row]));
  const now = new Date();
  expect(quota).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    subject: 'API_KEY',
    limit: 1,
    used: 1,
    path: null,
    resetsAt: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString(),
  });
  const none = { tenantSlug: strangerSlug, predictionsPerMonth: 0 };
  const set = await client.done('setTenantQuota', operator, none);
  await meetUploads(client, operator, stranger, strangerSlug);
  expect(set.quota).toMatchObject({ subject: 'TENANT', limit: 0, used: 0, remaining: 0 });

  const target = { model: `${ownerSlug}/digits` };
  const picture = [{ data: Buffer.alloc(28 * 28 * 4).toString('base64'), shape: [1, 28, 28, 1] }];
  const entitled = await client.refused('predict', stranger, { target, inputs: picture });
  expect(entitled).toMatchObject([{ code: 'NOT_ENTITLED', right: 'PREDICT', path: ['target'] }]);
  await client.done('updateModel', owner, { modelId: ids['Model'], publicAccess: 'PREDICT' });
  const noQuota = await client.refused('predict', stranger, { target, inputs: picture });
  expect(noQuota).toMatchObject([{ code: 'QUOTA_EXCEEDED', subject: 'TENANT', limit: 0, used: 0 }]);

  const table = await client.publish(owner, tableModel());
  await client.done('predict', owner, predictOn(table.versionId, [[0, 1, 2]], { priority: 'HIGH' }));
  const failed = await client.refused('predict', owner, predictOn(table.versionId, [[0, 1, 99]]));
  expect(failed).toMatchObject([{ code: 'PREDICTION_FAILED', retryable: false, path: null }]);
  const text = await client.publish(owner, textModel());
  await client.done('predict', owner, predictOn(text.versionId, ['a', 'é'], { priority: 'LOW' }));
  const mixed = await client.publish(owner, mixedModel());
  await client.done('predict', owner, predictOn(mixed.versionId, [[1, 2, 3]], { priority: 'NORMAL' }));
  const nodeOnly = await client.publish(owner, nodeOnlyModel());
  const { trials } = await client.node('Version', owner, nodeOnly.versionId);
  const compared = { ok: true, gain: expect.any(Number), comparedInputs: expect.any(Number) };
  expect(trials).toMatchObject([compared, { ok: true }, { ok: false, runtime: 'TFJS_WASM' }]);
  const layers = await client.node('Version', owner, (await client.publish(owner, layersModel())).versionId);
  expect(layers).toMatchObject({ format: 'TFJS_LAYERS', parameterCount: 8 });
  const graph = [zipOfFiles(savedModelFiles('saved-model/dense')), 'SAVED_MODEL', 'TFJS_GRAPH'] as const;
  const onnx = [await fixture('onnx/dense.onnx'), 'ONNX', 'ONNX'] as const;
  for (const [file, format, runtime] of [graph, onnx]) {
    const { versionId } = await client.publish(owner, file);
    const found = await client.node('Version', owner, versionId);
    expect(found).toMatchObject({ format, batchable: true, trials: [{ runtime, chosen: true }] });
  }
});

it('plans, subscriptions, quotes and statements', () =>
  meetBilling(server, client, ids, { owner, stranger, operator, ownerSlug, strangerSlug }));

it('versions made from others, beside each other, out of service and back', () =>
  meetProvenance(client, owner));

it('limits of every kind', () => meetLimits(client, operator, owner, ownerSlug));
it('predictions that take too long, and more of them than may wait', async () => {
  const slow = await client.publish(owner, slowModel());
  const late = await client.refused('predict', owner, predictOn(slow.versionId, SLOW, { timeoutMs: 20 }));
  expect(late).toMatchObject([{ code: 'DEADLINE_EXCEEDED', path: null }]);
  const overloaded = await meetOverload(server.url, client, owner, operator, slow.versionId);
  expect(overloaded).toMatchObject({ path: null });
  expect(overloaded?.['retryAfterMs']).toBeGreaterThan(0);
});

it('aliases: moves, rollbacks, what breaks callers, and what takes two people', async () => {
  const vera = { email: `vera-${run}@example.com`, password: PASSWORD };
  ids['AliasRequest'] = await followAliases(client, owner, vera);
});

it('a model that takes workers down is set aside; a server whose workers are processes tells their walls', async () => {
  const info = await meetQuarantine(schema, sightings);
  expect(info).toMatchObject({ isolation: 'PROCESS', walls: { ownMemory: true, environmentHidden: true } });
});

it('lists, orders, filters and groups answer with every field, after datasets and evaluations of every kind', async () => {
  await meetEvaluations(client, owner, ids);
  const picture = { data: Buffer.alloc(28 * 28 * 4).toString('base64'), shape: [1, 28, 28, 1] };
  await client.done('predict', owner, { target: { versionId: ids['Version'] }, inputs: [picture] });
  for (const field of ['viewer', 'serverInfo']) {
    for (const credential of [owner, stranger, operator, key.secret]) await client.query(field, credential);
  }
  for (const order of client.valuesOf('ModelOrder'))
    await client.query('models', owner, `(orderBy: ${order}, first: 2)`);
  await client.query('models', stranger, '(filter: { right: PREDICT })');
  await client.query('model', owner, `(owner: "${ownerSlug}", name: "digits")`);
  for (const kind of ['version', 'publication', 'prediction'] as const) {
    const type = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
    await client.query(kind, owner, `(id: "${ids[type]}")`);
  }
  await client.query('predictions', owner, '(first: 5)');
  await client.query('quota', key.secret);
  await client.query('auditLog', owner, '(first: 100)');
  const charged = { tenantSlug: ownerSlug, predictionId: ids['Prediction'] };
  await keepLedger(client, server.dataDirectory, { operator, owner, ...charged });
  ids['AuditEvent'] = (await client.query('auditLog', owner, '(first: 1)')).nodes[0].id;
});

it('every kind of node is found by its id, with every field', async () => {
  const nodeType = schema.getType('Node');
  if (!isInterfaceType(nodeType)) throw new Error('The contract has no Node.');
  for (const { name } of schema.getPossibleTypes(nodeType)) {
    const found = await client.node(name, owner, ids[name]);
    expect(found?.id, name).toBe(ids[name]);
  }
});

it('each mutation left one event with its name in the audit log of its tenant', async () => {
  await client.done('removeMember', owner, { membershipId: ids['Membership'] });
  const other = await client.done('signIn', null, { email: `bob-${run}@example.com`, password: PASSWORD });
  await client.done('signOut', other.session.accessToken, {});
  const events = new Map<string, string[]>();
  for (const [credential, tenant] of [
    [owner, ownerSlug],
    [stranger, strangerSlug],
    [stranger, `second-${run}`],
    [operator, 'operator'],
  ] as const) {
    for (const { requestId, action } of await client.auditLog(credential, tenant)) {
      events.set(requestId, [...(events.get(requestId) ?? []), action]);
    }
  }
  const mutationType = schema.getMutationType();
  expect([...new Set(client.performed.map(({ field }) => field))].sort(), 'every mutation is tried').toEqual(
    Object.keys(mutationType?.getFields() ?? {}).sort(),
  );
  for (const { field, requestId } of client.performed) {
    const named = (events.get(requestId) ?? []).filter((action) => action === field);
    expect(named, `${field} in ${requestId}`).toHaveLength(field in NOT_AUDITED ? 0 : 1);
  }
});

it('every object type and every field of it was answered', () => {
  expect(unansweredFields(schema, sightings)).toEqual([]);
});

it('every field that may be null or empty had a value at least once', () => {
  expect(neverFilled(schema, sightings)).toEqual(Object.keys(ALWAYS_EMPTY).sort());
});

it('every enum value was used, or is listed with the reason', () => {
  const unseen = enumValues(schema).filter(
    (value) => !sightings.values.has(value) && !client.sent.has(value),
  );
  expect(unseen.filter((value) => !(value in UNSEEN_VALUES))).toEqual([]);
});

it('every type of UserError was a real refusal', () => {
  const names = errorTypes(schema).map(({ name }) => name);
  expect(names.filter((name) => !sightings.types.has(name))).toEqual([]);
});
