/** The wall between tenants, tried at every field of the schema that takes an id or acts for a tenant. */
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getNamedType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLInputType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import { startServer, type TestServer } from '../../support/server.js';
import { entries, type Entry, type Outcome } from './entries.js';
import { ask, sendFile, succeed, type Answer } from '../../support/api.js';
import { buildWorld, MARKER, type World } from './world.js';

const schema = buildSchema(readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'));

let server: TestServer;
let world: World;

beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
  world = await buildWorld(server.url);
});
afterAll(() => server.stop());

function takesId(type: GraphQLInputType, seen = new Set<string>()): boolean {
  const named = getNamedType(type);
  if (named.name === 'ID') return true;
  if (!isInputObjectType(named) || seen.has(named.name)) return false;
  seen.add(named.name);
  return Object.values(named.getFields()).some((field) => takesId(field.type, seen));
}

function guardedCoordinates(): string[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !isIntrospectionType(type))
    .flatMap((type) =>
      Object.values(isObjectType(type) ? type.getFields() : {})
        .filter(
          (field) =>
            ['Query', 'Mutation'].includes(type.name) ||
            field.args.some((argument: GraphQLArgument) => takesId(argument.type)),
        )
        .map((field) => `${type.name}.${field.name}`),
    );
}

function fieldOf(coordinate: string): string {
  return coordinate.split('.')[1] ?? '';
}

function expectOutcome(coordinate: string, answer: Answer, outcome: Outcome): void {
  const value = answer.data?.[fieldOf(coordinate)] as Record<string, unknown> | null | undefined;
  if (outcome === 'null') {
    expect(answer.errors, answer.text).toEqual([]);
    expect(value, answer.text).toBeNull();
  } else if (outcome === 'empty') {
    expect(answer.errors, answer.text).toEqual([]);
    expect(value?.['nodes'], answer.text).toEqual([]);
  } else if (outcome === 'ok') {
    expect(answer.errors, answer.text).toEqual([]);
    expect(value, answer.text).not.toBeNull();
    expect((value as { errors?: unknown[] }).errors ?? [], answer.text).toEqual([]);
  } else if ('error' in outcome) {
    expect(answer.errors[0]?.extensions.code, answer.text).toBe(outcome.error);
  } else {
    expect(answer.errors, answer.text).toEqual([]);
    const { errors, ...results } = value as { errors: { code: string }[] };
    expect(
      errors.map((error) => error.code),
      answer.text,
    ).toEqual([outcome.refused]);
    expect(Object.values(results), answer.text).toEqual(Object.values(results).map(() => null));
  }
}

function variablesOf(coordinate: string, entry: Entry): Record<string, unknown> {
  const variables = entry.variables(world) as Record<string, unknown>;
  if (coordinate !== 'Query.model') return variables;
  return { owner: ownerSlug, name: `secret-${MARKER}` };
}

/** The variables with the secret id replaced by one that exists nowhere. */
function withUnknownId(variables: Record<string, unknown>, path: string): Record<string, unknown> {
  const copy = structuredClone(variables);
  const keys = 'input' in copy ? ['input', ...path.split('.')] : [path];
  let at = copy;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = keys.at(-1) ?? '';
  at[last] = /^[a-z]{3}_/.test(String(at[last]))
    ? `${String(at[last]).slice(0, 4)}${newId('model').slice(4)}`
    : 'no-such-name';
  return copy;
}

let ownerSlug = '';
beforeAll(async () => {
  const answer = await ask(world.url, world.credentials.owner, '{ viewer { tenant { slug } } }');
  ownerSlug = (answer.data as { viewer: { tenant: { slug: string } } }).viewer.tenant.slug;
});

it('every field that takes an id or acts for a tenant has a row, and no row is left over', () => {
  expect(Object.keys(entries).sort()).toEqual(guardedCoordinates().sort());
});

describe.each(Object.entries(entries))('%s', (coordinate, entry) => {
  it('shows a stranger nothing', async () => {
    const variables = variablesOf(coordinate, entry);
    const answer = await ask(world.url, world.credentials.stranger, entry.document, variables);
    expectOutcome(coordinate, answer, entry.stranger);
    // Bob's own name carries the marker too; ids and names of the owner's things must not appear.
    const secrets = [...Object.values(world.ids), `secret-${MARKER}`];
    const sent = JSON.stringify(variables);
    for (const secret of secrets) if (!sent.includes(secret)) expect(answer.text).not.toContain(secret);
    if (entry.secretId !== undefined) {
      const unknown = await ask(
        world.url,
        world.credentials.stranger,
        entry.document,
        withUnknownId(variables, entry.secretId),
      );
      expect(answer.text).toBe(unknown.text);
      expect(answer.status).toBe(unknown.status);
    }
  });

  it('lets a VIEWER look at most', async () => {
    const answer = await ask(
      world.url,
      world.credentials.viewer,
      entry.document,
      variablesOf(coordinate, entry),
    );
    expectOutcome(coordinate, answer, entry.viewer);
  });

  it('refuses a revoked key', async () => {
    const answer = await ask(
      world.url,
      world.credentials.revokedKey,
      entry.document,
      variablesOf(coordinate, entry),
    );
    expect(answer.errors[0]?.extensions.code, answer.text).toBe('UNAUTHENTICATED');
    expect(answer.data?.[fieldOf(coordinate)] ?? null).toBeNull();
  });

  it(entry.isOpen ? 'is open to everybody' : 'refuses a request without a credential', async () => {
    const answer = await ask(world.url, null, entry.document, variablesOf(coordinate, entry));
    if (entry.isOpen) expect(answer.errors, answer.text).toEqual([]);
    else expect(answer.errors[0]?.extensions.code, answer.text).toBe('UNAUTHENTICATED');
  });
});

const NODES = [
  'model',
  'version',
  'publication',
  'upload',
  'grant',
  'apiKey',
  'user',
  'ownerMembership',
  'invitation',
  'prediction',
  'auditEvent',
  'dataset',
  'evaluation',
  'aliasRequest',
  'plan',
  'subscription',
] as const;

describe.each(NODES)('node(id:) of a %s', (kind) => {
  const document = 'query ($id: ID!) { node(id: $id) { __typename id } }';

  it('is null for a stranger, for a key without the scope, and the object for the owner', async () => {
    const variables = { id: world.ids[kind] };
    const stranger = await ask(world.url, world.credentials.stranger, document, variables);
    expect(stranger.errors, stranger.text).toEqual([]);
    expect(stranger.data?.['node']).toBeNull();
    const owner = await ask(world.url, world.credentials.owner, document, variables);
    expect((owner.data?.['node'] as { id: string }).id, owner.text).toBe(world.ids[kind]);
  });
});

it('a key without scopes for it reads no models, keys, usage or audit events', async () => {
  const { ids, credentials } = world;
  for (const id of [
    ids.model,
    ids.version,
    ids.publication,
    ids.upload,
    ids.grant,
    ids.apiKey,
    ids.prediction,
    ids.auditEvent,
    ids.aliasRequest,
    ids.plan,
    ids.subscription,
  ]) {
    const answer = await ask(world.url, credentials.narrowKey, 'query ($id: ID!) { node(id: $id) { id } }', {
      id,
    });
    expect(answer.data?.['node'] ?? null, answer.text).toBeNull();
  }
});

it('another tenant shows its name and nothing else', async () => {
  const answer = await ask(
    world.url,
    world.credentials.stranger,
    'query ($id: ID!) { node(id: $id) { ... on Tenant { id slug members { nodes { id } } invitations { id } apiKeys { nodes { id } } } } }',
    { id: world.ids.tenant },
  );
  expect(answer.errors, answer.text).toEqual([]);
  expect(answer.data?.['node']).toEqual({
    id: world.ids.tenant,
    slug: ownerSlug,
    members: null,
    invitations: null,
    apiKeys: null,
  });
});

it('an upload of another tenant cannot be published to a model of one’s own', async () => {
  const answer = await ask(
    world.url,
    world.credentials.stranger,
    'mutation ($input: PublishVersionInput!) { publishVersion(input: $input) { version { id } errors { code } } }',
    { input: { modelId: world.stranger.model, uploadId: world.ids.upload } },
  );
  expect(answer.data?.['publishVersion'], answer.text).toEqual({
    version: null,
    errors: [{ code: 'NOT_FOUND' }],
  });
});

it('a dataset or version of another tenant cannot be evaluated, even with a half of one’s own', async () => {
  const evaluate = (credential: string, versionId: string, datasetId: string) =>
    ask(
      world.url,
      credential,
      'mutation ($input: EvaluateVersionInput!) { evaluateVersion(input: $input) { evaluation { id } errors { code path } } }',
      { input: { versionId, datasetId } },
    );
  const { stranger, owner } = world.credentials;
  const uploadId = await sendFile(world.url, stranger, Buffer.from('a,label\n1,2\n'));
  const own = (await succeed(world.url, stranger, 'createDataset', 'dataset { id }', {
    name: 'own',
    uploadId,
  })) as never as { dataset: { id: string } };
  const refusedFor = (path: string) => ({ evaluation: null, errors: [{ code: 'NOT_FOUND', path: [path] }] });
  const theirVersion = await evaluate(stranger, world.ids.version, own.dataset.id);
  expect(theirVersion.data?.['evaluateVersion'], theirVersion.text).toEqual(refusedFor('versionId'));
  const theirDataset = await evaluate(owner, world.ids.version, own.dataset.id);
  expect(theirDataset.data?.['evaluateVersion'], theirDataset.text).toEqual(refusedFor('datasetId'));
});

it('an artifact is downloaded by its owner, and is nowhere for a stranger or a revoked key', async () => {
  const get = (credential: string) =>
    fetch(`${world.url}/artifacts/${world.ids.version}`, {
      headers: { authorization: `Bearer ${credential}` },
    });
  expect((await get(world.credentials.owner)).status).toBe(200);
  expect((await get(world.credentials.stranger)).status).toBe(404);
  expect((await get(world.credentials.revokedKey)).status).toBe(401);
});

it('a revoked key and a VIEWER cannot upload', async () => {
  const put = (credential: string) =>
    fetch(`${world.url}/uploads`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/octet-stream' },
      body: 'bytes',
    });
  expect((await put(world.credentials.revokedKey)).status).toBe(401);
  expect((await put(world.credentials.viewer)).status).toBe(403);
  expect(await sendFile(world.url, world.credentials.owner)).toMatch(/^upl_/);
});

/** Last, since some of these end what the tests above need; signing out ends the owner's own session. */
const ownersTurn = Object.entries(entries)
  .filter(([, entry]) => entry.owner !== undefined)
  .sort(([a], [b]) => Number(a === 'Mutation.signOut') - Number(b === 'Mutation.signOut'));

it.each(ownersTurn)('the owner may: %s', async (coordinate, entry) => {
  const variables = entry.ownerVariables?.(world) ?? variablesOf(coordinate, entry);
  const answer = await ask(world.url, world.credentials.owner, entry.document, variables);
  expectOutcome(coordinate, answer, entry.owner ?? 'ok');
});
