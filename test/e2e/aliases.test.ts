/** A publisher moves `production` under a customer's feet, over HTTP: two tenants, two people, two versions. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, newTenant, sendFile, succeed } from '../support/api.js';
import { node, onnxModel, TYPE, value } from '../support/onnx-model.js';
import { startServer, type TestServer } from '../support/server.js';

/** `y = op(x)` on rows of two numbers. */
const model = (op: string, input = 'x') =>
  onnxModel({
    nodes: [node(op, [input], ['y'])],
    inputs: [value(input, TYPE.float, ['n', 2])],
    outputs: [value('y', TYPE.float, ['n', 2])],
  });

const FOLLOW = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id outputs { data } receipt { model versionNumber alias } } errors { code message } } }`;

let server: TestServer;
let publisher: { token: string; slug: string };
let customer: { token: string; slug: string };
let second: string;
let modelId: string;
let name: string;
let versions: readonly [string, string, string];

beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
  publisher = await newTenant(server.url, 'publisher');
  customer = await newTenant(server.url, 'customer');
  const invitation = await run(publisher.token, 'inviteMember', 'token', {
    email: `second-${publisher.slug}@example.com`,
    role: 'DEVELOPER',
  });
  const joined = await run(null, 'signUp', 'session { accessToken }', {
    email: `second-${publisher.slug}@example.com`,
    password: 'a long enough password',
    name: 'Second',
    invitationToken: invitation['token'],
  });
  second = (joined['session'] as never as { accessToken: string }).accessToken;
  const made = (await run(publisher.token, 'createModel', 'model { id fullName }', {
    name: 'signs',
    visibility: 'PUBLIC',
  })) as never as { model: { id: string; fullName: string } };
  ({ id: modelId, fullName: name } = made.model);
  const ids: string[] = [];
  for (const file of [model('Neg'), model('Abs'), model('Abs', 'image')]) {
    const uploadId = await sendFile(server.url, publisher.token, file);
    const { version } = (await run(publisher.token, 'publishVersion', 'version { id }', {
      modelId,
      uploadId,
    })) as never as { version: { id: string } };
    ids.push(version.id);
  }
  versions = ids as never;
});
afterAll(() => server.stop());

function run(token: string | null, field: string, selection: string, input: object) {
  return succeed(server.url, token, field, selection, input);
}

function move(versionId: string, expectedVersionId: string | null, more: object = {}) {
  return { modelId, name: 'production', versionId, expectedVersionId, reason: 'A better one.', ...more };
}

/** What the customer gets for a row of numbers: the answer, the version, and by which alias. */
async function follow(target: object = { model: `${name}@production` }): Promise<unknown> {
  const input = { target, inputs: [{ data: [[1, -2]] }] };
  const { data, text } = await ask(server.url, customer.token, FOLLOW, { input });
  const payload = data?.['predict'] as {
    prediction: {
      outputs: [{ data: unknown }];
      receipt: { versionNumber: number; alias: string | null };
    } | null;
    errors: { code: string }[];
  };
  if (payload.prediction === null) return payload.errors[0]?.code ?? text;
  const { outputs, receipt } = payload.prediction;
  return [outputs[0].data, receipt.versionNumber, receipt.alias];
}

it('a customer follows an alias from the reply to its move on, or pins a number and is left alone', async () => {
  expect(await follow()).toBe('NOT_FOUND');
  await run(publisher.token, 'setAlias', 'alias { name }', move(versions[0], null));
  expect(await follow()).toEqual([[[-1, 2]], 1, 'production']);
  await run(publisher.token, 'setAlias', 'alias { name }', move(versions[1], versions[0]));
  expect(await follow()).toEqual([[[1, 2]], 2, 'production']);
  expect(await follow({ alias: { modelId, name: 'production' } })).toEqual([[[1, 2]], 2, 'production']);
  expect(await follow({ model: `${name}:1` })).toEqual([[[-1, 2]], 1, null]);
});

it('both can ask what production was at any time; who moved it is told to the publisher only', async () => {
  const history = `query ($owner: String!, $name: String!) { model(owner: $owner, name: $name) {
    aliases { name version { number } }
    alias(name: "production") { version { number } history { nodes { kind reason userId movedAt from { number } to { number } } } callers { totalCount } }
  } }`;
  type Seen = { model: { alias: { history: { nodes: { movedAt: string; userId: string | null }[] } } } };
  const variables = { owner: publisher.slug, name: 'signs' };
  const asCustomer = await ask(server.url, customer.token, history, variables);
  expect(asCustomer.data, asCustomer.text).toMatchObject({
    model: {
      aliases: [{ name: 'production', version: { number: 2 } }],
      alias: {
        history: {
          nodes: [
            { kind: 'MOVED', reason: 'A better one.', userId: null, from: { number: 1 }, to: { number: 2 } },
            { kind: 'CREATED', from: null, to: { number: 1 } },
          ],
        },
        callers: null,
      },
    },
  });
  const asPublisher = (await ask(server.url, publisher.token, history, variables)).data as never as Seen;
  const { nodes } = asPublisher.model.alias.history;
  expect(nodes.map(({ userId }) => userId?.slice(0, 4))).toEqual(['usr_', 'usr_']);

  const then = `query ($owner: String!, $name: String!, $at: DateTime!) { model(owner: $owner, name: $name) {
    alias(name: "production", at: $at) { version { number } } } }`;
  const at = async (instant: string) => {
    const { data } = await ask(server.url, customer.token, then, { ...variables, at: instant });
    return (data as never as { model: { alias: { version: { number: number } } | null } }).model.alias
      ?.version.number;
  };
  const [latest = '', first = ''] = nodes.map(({ movedAt }) => movedAt);
  expect(await at(latest)).toBe(2);
  expect(await at(first)).toBe(1);
  expect(await at('2020-01-01T00:00:00.000Z')).toBeUndefined();
});

it('a move that breaks the customer is refused with what breaks and who calls, and made when that is meant', async () => {
  const check = `query ($input: CheckAliasMoveInput!) { checkAliasMove(input: $input) {
    verdict needsOverride differences { change side name message }
    callers { totalCount nodes { tenant { slug } apiKeyId apiKey { name } predictions } } } }`;
  const input = { modelId, name: 'production', versionId: versions[2] };
  const { data } = await ask(server.url, publisher.token, check, { input });
  expect(data?.['checkAliasMove']).toEqual({
    verdict: 'BREAKING',
    needsOverride: true,
    differences: [
      { change: 'RENAMED', side: 'INPUT', name: 'x', message: 'The input "x" is called "image" now.' },
    ],
    callers: {
      totalCount: 1,
      nodes: [{ tenant: { slug: customer.slug }, apiKeyId: null, apiKey: null, predictions: 3 }],
    },
  });
  // The customer learns nothing of other callers.
  const theirs = await ask(server.url, customer.token, check, { input });
  expect(theirs.data?.['checkAliasMove'], theirs.text).toBeNull();

  const set = `mutation ($input: SetAliasInput!) { setAlias(input: $input) {
    move { verdict breakingAllowed } errors { code ... on BreakingChangeError { differences } } } }`;
  const refused = await ask(server.url, publisher.token, set, { input: move(versions[2], versions[1]) });
  expect(refused.data?.['setAlias']).toEqual({
    move: null,
    errors: [{ code: 'BREAKING_CHANGE', differences: ['The input "x" is called "image" now.'] }],
  });
  expect(await follow()).toEqual([[[1, 2]], 2, 'production']);
  const meant = { input: move(versions[2], versions[1], { allowBreaking: true }) };
  const allowed = await ask(server.url, publisher.token, set, meant);
  expect(allowed.data?.['setAlias']).toEqual({
    move: { verdict: 'BREAKING', breakingAllowed: true },
    errors: [],
  });
  const back = { ...move(versions[2], versions[2], { allowBreaking: true }), versionId: undefined };
  await run(publisher.token, 'rollbackAlias', 'move { kind }', back);
  expect(await follow()).toEqual([[[1, 2]], 2, 'production']);
});

it('a protected alias stands still until a second person agrees', async () => {
  const alias = { modelId, name: 'production' };
  await run(publisher.token, 'protectAlias', 'alias { protected }', alias);
  const asked = (await run(
    publisher.token,
    'setAlias',
    'request { id status } move { revision }',
    move(versions[0], versions[1]),
  )) as never as { request: { id: string; status: string }; move: null };
  expect(asked).toMatchObject({ request: { status: 'PENDING' }, move: null });
  expect(await follow()).toEqual([[[1, 2]], 2, 'production']);

  const approve = `mutation ($input: ApproveAliasMoveInput!) { approveAliasMove(input: $input) {
    request { status } move { userId approvedByUserIds } errors { code } } }`;
  const input = { requestId: asked.request.id };
  for (const [token, code] of [
    [publisher.token, 'CONFLICT'],
    [customer.token, 'NOT_FOUND'],
  ] as const) {
    const answer = await ask(server.url, token, approve, { input });
    expect(answer.data?.['approveAliasMove'], answer.text).toMatchObject({ move: null, errors: [{ code }] });
  }
  const { data } = await ask(server.url, second, approve, { input });
  const approved = data?.['approveAliasMove'] as { move: { userId: string; approvedByUserIds: string[] } };
  expect(approved).toMatchObject({ request: { status: 'APPROVED' }, errors: [] });
  expect(approved.move.approvedByUserIds[0]).toBe(approved.move.userId);
  expect(new Set(approved.move.approvedByUserIds).size).toBe(2);
  expect(await follow()).toEqual([[[-1, 2]], 1, 'production']);
});
