/** An alias from its first move to its deletion: every kind of change of a signature, and what two people agree on. */
import { expect } from 'vitest';
import { node, onnxModel, TYPE, value, type Dims } from '../../support/onnx-model.js';
import type { Client, Payload } from './client.js';

type Port = readonly [name: string, type: number, dims: Dims];

/** A model that answers each of its inputs as an output of the given name. */
function passing(ports: readonly (readonly [input: Port, output: string])[], outputs: readonly string[]) {
  return onnxModel({
    nodes: ports.map(([[input], output]) => node('Identity', [input], [output])),
    inputs: ports.map(([input]) => value(...input)),
    outputs: outputs.flatMap((name) =>
      ports.flatMap(([[, type, dims], output]) => (output === name ? [value(output, type, dims)] : [])),
    ),
  });
}

const { float, double } = TYPE;
const PLAIN = passing(
  [
    [['x', float, ['n', 2]], 'y'],
    [['w', float, ['n', 3]], 'z'],
  ],
  ['y', 'z'],
);
/** One input renamed, one of another type, one more; one output gone, so that the other moves. */
const OTHER = passing(
  [
    [['x', double, ['n', 2]], 'p'],
    [['v', float, ['n', 3]], 'z'],
    [['t', float, ['n', 2, 2]], 'q'],
  ],
  ['z', 'q'],
);
/** Of another rank and another length, and without rows in common. */
const UNBATCHED = passing(
  [
    [['x', float, [2]], 'y'],
    [['w', float, ['n', 4]], 'z'],
  ],
  ['y', 'z'],
);
const BATCHED = passing(
  [
    [['x', float, ['n']], 'y'],
    [['w', float, ['n', 4]], 'z'],
  ],
  ['y', 'z'],
);

/** @param person credentials of somebody else of the owner's tenant who may change models. @returns the id of a request */
export async function followAliases(client: Client, owner: string, person: object): Promise<string> {
  const { session } = await client.done('signIn', null, person);
  const { model } = await client.done('createModel', owner, { name: 'followed', tags: [] });
  const modelId: string = model.id;
  const ids: string[] = [];
  for (const file of [PLAIN, PLAIN, OTHER, UNBATCHED, BATCHED]) {
    const uploadId = await client.upload(owner, file);
    const { version } = await client.done('publishVersion', owner, { modelId, uploadId });
    ids.push(version.id);
  }
  const [plain, same, other, unbatched, batched] = ids;
  const on = { modelId, name: 'production' };
  const move = (versionId: string | undefined, expectedVersionId: string | undefined, more: object = {}) => {
    return { ...on, versionId, expectedVersionId, reason: 'Because.', ...more };
  };
  const check = (versionId: string | undefined): Promise<Payload> =>
    client.query(
      'checkAliasMove',
      owner,
      `(input: { modelId: "${modelId}", name: "production", versionId: "${versionId}" })`,
    );

  expect(await check(plain)).toMatchObject({ alias: null, verdict: null, needsOverride: false });
  await client.done('setAlias', owner, move(plain, undefined));
  const clash = await client.refused('setAlias', owner, move(same, undefined));
  expect(clash).toMatchObject([{ code: 'CONFLICT', path: ['expectedVersionId'] }]);

  // Who follows it: a key, and people.
  const made = await client.done('createApiKey', owner, { name: 'follower', scopes: ['PREDICTION_RUN'] });
  const inputs = [
    { name: 'x', data: [[1, 2]] },
    { name: 'w', data: [[1, 2, 3]] },
  ];
  const byKey = await client.done('predict', made.secret, { target: { alias: on }, inputs });
  expect(byKey.prediction.receipt).toMatchObject({ alias: 'production', versionNumber: 1 });
  await client.done('predict', owner, { target: { model: `${model.fullName}@production` }, inputs });

  expect(await check(same)).toMatchObject({ verdict: 'COMPATIBLE', differences: [], needsOverride: false });
  const breaking = await check(other);
  const changes = (found: Payload) => (found.differences as { change: string }[]).map(({ change }) => change);
  expect(changes(breaking).sort()).toEqual(
    ['ADDED', 'ADDED', 'DATATYPE', 'ORDER', 'REMOVED', 'RENAMED'].sort(),
  );
  expect(breaking).toMatchObject({ verdict: 'BREAKING', needsOverride: true, needsApproval: false });
  expect(breaking.callers).toMatchObject({ totalCount: 2, nodes: [{ apiKey: null }, { predictions: 1 }] });
  const refused = await client.refused('setAlias', owner, move(other, plain));
  expect(refused).toMatchObject([{ code: 'BREAKING_CHANGE', path: ['allowBreaking'] }]);
  await client.done('setAlias', owner, move(unbatched, plain, { allowBreaking: true }));
  expect(changes(await check(batched))).toContain('BATCH');
  const back = { ...on, expectedVersionId: unbatched, reason: 'Too early.' };
  expect(await client.refused('rollbackAlias', owner, back)).toMatchObject([{ code: 'BREAKING_CHANGE' }]);
  const rolled = await client.done('rollbackAlias', owner, { ...back, allowBreaking: true });
  expect(rolled.move).toMatchObject({ kind: 'ROLLED_BACK', revision: 3, breakingAllowed: true });

  return protectAndDecide(client, owner, session.accessToken, on, move, [plain, same, other] as [
    string,
    string,
    string,
  ]);
}

async function protectAndDecide(
  client: Client,
  owner: string,
  second: string,
  on: { readonly modelId: string; readonly name: string },
  move: (to: string, from: string, more?: object) => object,
  [plain, same, other]: readonly [string, string, string],
): Promise<string> {
  const missing = { ...on, name: 'nowhere', reason: 'x', expectedVersionId: plain };
  expect(await client.refused('deleteAlias', owner, missing)).toMatchObject([{ code: 'NOT_FOUND' }]);
  const none = { modelId: on.modelId, name: 'nowhere' };
  expect(await client.refused('protectAlias', owner, none)).toMatchObject([{ path: ['name'] }]);
  expect(await client.refused('unprotectAlias', owner, { ...none, reason: '' })).toMatchObject([
    { path: ['reason'] },
  ]);
  expect((await client.done('protectAlias', owner, on)).alias.protected).toBe(true);

  // By a key: two people have to agree. A move lets lapse whatever else waits.
  const key = await client.done('createApiKey', owner, {
    name: 'mover',
    scopes: ['MODEL_WRITE', 'MODEL_READ'],
  });
  const late = await client.done('setAlias', key.secret, move(other, plain, { allowBreaking: true }));
  const asked = await client.done('setAlias', key.secret, move(same, plain));
  expect(asked).toMatchObject({ move: null, request: { status: 'PENDING', approvalsNeeded: 2 } });
  expect((await client.node('Model', owner, on.modelId)).aliases[0].pendingRequests).toHaveLength(2);
  const requestId: string = asked.request.id;
  expect(await client.refused('approveAliasMove', key.secret, { requestId })).toMatchObject([
    { code: 'CONFLICT' },
  ]);
  const once = await client.done('approveAliasMove', owner, { requestId });
  expect(once).toMatchObject({ move: null, request: { status: 'PENDING', approvalsNeeded: 1 } });
  expect(await client.refused('approveAliasMove', owner, { requestId })).toMatchObject([
    { code: 'CONFLICT' },
  ]);
  const moved = await client.done('approveAliasMove', second, { requestId });
  expect(moved).toMatchObject({ request: { status: 'APPROVED' }, move: { revision: 4 } });
  expect(moved.move.approvedByUserIds).toHaveLength(2);
  expect(await client.node('AliasRequest', owner, late.request.id)).toMatchObject({ status: 'LAPSED' });

  const back = { ...on, expectedVersionId: same, reason: 'Not yet.' };
  const wishes = [
    await client.done('rollbackAlias', owner, back),
    await client.done('unprotectAlias', owner, { ...on, reason: 'Alone again.' }),
    await client.done('deleteAlias', owner, back),
  ];
  expect(wishes.map(({ request }) => request.action)).toEqual(['ROLLBACK', 'UNPROTECT', 'DELETE']);
  const [rollback, unprotect] = wishes;
  const decide = (wish: Payload) => ({ requestId: wish.request.id, reason: 'No.' });
  const rejected = await client.done('rejectAliasMove', key.secret, decide(rollback));
  expect(rejected.request).toMatchObject({ status: 'REJECTED', decisionReason: 'No.' });
  expect(await client.refused('rejectAliasMove', second, decide(rollback))).toMatchObject([
    { code: 'CONFLICT' },
  ]);
  const free = await client.done('approveAliasMove', second, { requestId: unprotect.request.id });
  expect(free.alias.protected).toBe(false);
  const gone = await client.done('deleteAlias', owner, back);
  expect(gone.move).toMatchObject({ kind: 'DELETED', to: null, from: { number: 2 } });
  await client.done('setAlias', owner, move(plain, undefined as never));
  const { aliasHistory } = await client.node('Model', owner, on.modelId);
  expect(aliasHistory.nodes.map(({ revision }: { revision: number }) => revision)).toEqual([6, 5, 4]);
  return requestId;
}
