/** What is protected takes two people, and one person finds no way around it. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { keyOf } from '../../support/actors.js';
import { accepted, refusalCode } from '../../support/catalog-world.js';
import { newId } from '../../../src/lib/ids.js';
import { conflictOf } from './words.js';
import { move, openAliasesRoom, SIGNATURES, type AliasesRoom, type UserActor } from './setting.js';

const { PLAIN, OTHER } = SIGNATURES;
let room: AliasesRoom;
let ada: UserActor;
let ben: UserActor;
let modelId: string;
let versions: readonly string[];
let one: string;
let two: string;

beforeAll(async () => {
  room = await openAliasesRoom();
  ada = await room.owner();
  ben = await room.person(ada.tenantId, 'DEVELOPER');
});
afterAll(() => room.stop());
beforeEach(async () => {
  ({ modelId, versions } = await room.model(ada, [PLAIN, PLAIN, OTHER]));
  [one, two] = versions as [string, string];
  accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  accepted(await room.aliases.protectAlias(ada, { modelId, name: 'production' }));
});

const at = async () => (await room.aliases.aliasAt(ada, modelId, 'production', null))?.versionId ?? null;
const wish = async (actor = ada as Parameters<AliasesRoom['aliases']['setAlias']>[0], to = two) => {
  const { request } = accepted(await room.aliases.setAlias(actor, move(modelId, to, one)));
  if (request === null) throw new Error('A move of a protected alias was made at once.');
  return request;
};

it('a move waits for another person, and is then made with both names in its history', async () => {
  const request = await wish();
  expect(request).toMatchObject({ status: 'PENDING', action: 'MOVE', approvedBy: [ada.userId] });
  expect(await at()).toBe(one);
  expect((await room.aliases.pendingRequestsOfModels(ben, [modelId]))[0]).toEqual([request]);

  const requestId = request.id;
  expect(conflictOf(await room.aliases.approveAliasMove(ada, { requestId })).message).toContain(
    'another person',
  );
  const done = accepted(await room.aliases.approveAliasMove(ben, { requestId }));
  expect(done).toMatchObject({
    alias: { versionId: two, isProtected: true },
    request: { status: 'APPROVED', decidedByUserId: ben.userId },
    move: {
      kind: 'MOVED',
      userId: ada.userId,
      aliasRequestId: requestId,
      approvedBy: [ada.userId, ben.userId],
    },
  });
  expect(await at()).toBe(two);
  expect(conflictOf(await room.aliases.approveAliasMove(ben, { requestId })).message).toContain(
    'is APPROVED',
  );
  expect((await room.aliases.pendingRequestsOfModels(ben, [modelId]))[0]).toEqual([]);
});

it('a key has no say: what it asks for takes two people besides', async () => {
  const key = keyOf(ada, 'MODEL_WRITE', 'MODEL_READ');
  const { id: requestId, approvedBy } = await wish(key);
  expect(approvedBy).toEqual([]);
  expect(conflictOf(await room.aliases.approveAliasMove(key, { requestId })).message).toContain('sign in');
  expect(
    conflictOf(await room.aliases.approveAliasMove(keyOf(ada, 'MODEL_WRITE'), { requestId })).path,
  ).toEqual(['requestId']);
  // Whoever made the key, or knows its secret, is one person at most.
  const first = accepted(await room.aliases.approveAliasMove(ada, { requestId }));
  expect(first).toMatchObject({ move: null, request: { status: 'PENDING', approvedBy: [ada.userId] } });
  expect(conflictOf(await room.aliases.approveAliasMove(ada, { requestId })).message).toContain(
    'another person',
  );
  expect(await at()).toBe(one);
  expect(accepted(await room.aliases.approveAliasMove(ben, { requestId })).move).toMatchObject({
    apiKeyId: 'apiKeyId' in key ? key.apiKeyId : '',
    userId: null,
    approvedBy: [ada.userId, ben.userId],
  });
});

it('everything else that one person could do to it waits too: rolling back, deleting, ending the protection', async () => {
  accepted(await room.aliases.approveAliasMove(ben, { requestId: (await wish()).id }));
  const expected = { ...move(modelId, one, null), expectedVersionId: two };
  const ways = [
    () => room.aliases.setAlias(ada, move(modelId, one, two)),
    () => room.aliases.rollbackAlias(ada, expected),
    () => room.aliases.deleteAlias(ada, expected),
    () => room.aliases.unprotectAlias(ada, { modelId, name: 'production', reason: 'x' }),
  ];
  for (const [i, way] of ways.entries()) {
    const { request, move: moved, alias } = accepted(await way());
    expect(moved).toBeNull();
    expect(alias).toMatchObject({ versionId: two, isProtected: true });
    expect(request?.action).toBe(['MOVE', 'ROLLBACK', 'DELETE', 'UNPROTECT'][i]);
    const rejected = await room.aliases.rejectAliasMove(i % 2 === 0 ? ada : ben, {
      requestId: request?.id ?? '',
      reason: 'No.',
    });
    expect(accepted(rejected).request).toMatchObject({ status: 'REJECTED', decisionReason: 'No.' });
  }
  expect(await at()).toBe(two);
});

it('two people may roll it back, end its protection, and delete it', async () => {
  const agree = async (requestId: string | undefined) =>
    accepted(await room.aliases.approveAliasMove(ben, { requestId: requestId ?? '' }));
  await agree((await wish()).id);
  const expected = { ...move(modelId, one, null), expectedVersionId: two };
  const back = accepted(await room.aliases.rollbackAlias(ada, expected));
  expect((await agree(back.request?.id)).move).toMatchObject({ kind: 'ROLLED_BACK', toVersionId: one });
  const end = accepted(
    await room.aliases.unprotectAlias(ada, { modelId, name: 'production', reason: 'Not needed.' }),
  );
  expect(await agree(end.request?.id)).toMatchObject({ alias: { isProtected: false }, move: null });
  expect(accepted(await room.aliases.setAlias(ada, move(modelId, two, one))).move).not.toBeNull();
  accepted(await room.aliases.protectAlias(ben, { modelId, name: 'production' }));
  const gone = accepted(await room.aliases.deleteAlias(ada, expected));
  expect(await agree(gone.request?.id)).toMatchObject({ alias: null, move: { kind: 'DELETED' } });
  expect(await at()).toBeNull();
});

it('a breaking move is allowed by whoever asks, and approved with it', async () => {
  const breaking = move(modelId, versions[2], one);
  expect(refusalCode(await room.aliases.setAlias(ada, breaking))).toBe('BREAKING_CHANGE');
  const { request } = accepted(await room.aliases.setAlias(ada, { ...breaking, allowBreaking: true }));
  expect(request).toMatchObject({ verdict: 'BREAKING', isOverride: true });
  const done = accepted(await room.aliases.approveAliasMove(ben, { requestId: request?.id ?? '' }));
  expect(done.move).toMatchObject({ verdict: 'BREAKING', isOverride: true });
});

it('all that waits lapses when the alias moves, also what wanted the end of its protection', async () => {
  const third = await room.aliases.setAlias(ada, move(modelId, versions[2], one, { allowBreaking: true }));
  const end = await room.aliases.unprotectAlias(ada, { modelId, name: 'production', reason: 'x' });
  const { id: requestId } = await wish();
  const waiting = (await room.aliases.pendingRequestsOfModels(ben, [modelId]))[0] ?? [];
  expect(waiting.map(({ action }) => action)).toEqual(['MOVE', 'UNPROTECT', 'MOVE']);
  accepted(await room.aliases.approveAliasMove(ben, { requestId }));
  for (const other of [third, end]) {
    const { request } = accepted(other);
    const late = await room.aliases.approveAliasMove(ben, { requestId: request?.id ?? '' });
    expect(conflictOf(late).message).toContain('has lapsed, because the alias moved');
    expect(await room.aliases.getAliasRequestsByIds(ada, [request?.id ?? ''])).toMatchObject([
      { status: 'LAPSED', decidedByUserId: null },
    ]);
  }
  expect(await at()).toBe(two);
});

it('is about the alias as it was, even if that has come back to where it stood', async () => {
  const { id: requestId } = await wish();
  // By whatever way: here past the room, as another version of the server might that knows nothing of requests.
  await room.asOwner('UPDATE aliases SET revision = revision + 2 WHERE model_id = $1', [modelId]);
  expect(conflictOf(await room.aliases.approveAliasMove(ben, { requestId })).message).toContain('has lapsed');
  expect(await at()).toBe(one);
});

it('at most 20 requests wait for an alias', async () => {
  await wish();
  await room.asOwner(
    `INSERT INTO alias_requests (id, model_id, tenant_id, name, action, revision, from_version_id, reason, differences,
       is_override, request_id, created_at)
     SELECT 'alr_' || $1 || i, $1, $2, 'production', 'DELETE', 1, $3, 'x', '[]', false, 'x', now()
     FROM generate_series(1, 19) i`,
    [modelId, ada.tenantId, one],
  );
  const full = conflictOf(await room.aliases.setAlias(ada, move(modelId, two, one)));
  expect(full.message).toContain('20 requests wait');
});

it('whoever has left the tenant, or may not change models any more, has no say any more', async () => {
  const carl = await room.person(ada.tenantId, 'DEVELOPER');
  const { id: requestId } = await wish(carl);
  await room.asOwner(`DELETE FROM memberships WHERE user_id = $1`, [carl.userId]);
  const alone = accepted(await room.aliases.approveAliasMove(ben, { requestId }));
  expect(alone).toMatchObject({ move: null, request: { status: 'PENDING', approvedBy: [ben.userId] } });
  // With an access token from before, or a role from before.
  expect(refusalCode(await room.aliases.approveAliasMove(carl, { requestId }))).toBe('PERMISSION_DENIED');
  const dora = await room.person(ada.tenantId, 'DEVELOPER');
  await room.asOwner(`UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1`, [dora.userId]);
  expect(refusalCode(await room.aliases.approveAliasMove(dora, { requestId }))).toBe('PERMISSION_DENIED');
  const viewer = await room.person(ada.tenantId, 'VIEWER');
  expect(refusalCode(await room.aliases.approveAliasMove(viewer, { requestId }))).toBe('PERMISSION_DENIED');
  expect(await at()).toBe(one);
  accepted(await room.aliases.approveAliasMove(ada, { requestId }));
  expect(await at()).toBe(two);
});

it('of many who approve at once, one makes the move', async () => {
  const { id: requestId } = await wish();
  const people = await Promise.all(Array.from({ length: 8 }, () => room.person(ada.tenantId, 'DEVELOPER')));
  const other = await room.anotherServer();
  const answers = await Promise.all(
    people.map((who, i) => (i % 2 === 0 ? room.aliases : other).approveAliasMove(who, { requestId })),
  );
  expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  const page = accepted(await room.aliases.listAliasMoves(ada, modelId, {}));
  expect(page.items.map(({ revision }) => revision)).toEqual([2, 1]);
});

it('is nothing to other tenants', async () => {
  const { id: requestId } = await wish();
  const stranger = await room.owner();
  const unknown = newId('aliasRequest');
  for (const id of [requestId, unknown, 'alr_0', '\0']) {
    const approved = await room.aliases.approveAliasMove(stranger, { requestId: id });
    expect(approved).toEqual(await room.aliases.approveAliasMove(stranger, { requestId: unknown }));
    expect(refusalCode(approved)).toBe('NOT_FOUND');
    expect(refusalCode(await room.aliases.rejectAliasMove(stranger, { requestId: id, reason: 'x' }))).toBe(
      'NOT_FOUND',
    );
  }
  expect(await room.aliases.getAliasRequestsByIds(stranger, [requestId])).toEqual([null]);
  expect((await room.aliases.getAliasRequestsByIds(ben, [requestId]))[0]?.id).toBe(requestId);
});

it('is not given to a tenant in which nobody could approve', async () => {
  const alone = await room.owner();
  const own = await room.model(alone, [PLAIN]);
  accepted(await room.aliases.setAlias(alone, move(own.modelId, own.versions[0], null)));
  const input = { modelId: own.modelId, name: 'production' };
  await room.person(alone.tenantId, 'VIEWER');
  expect(conflictOf(await room.aliases.protectAlias(alone, input)).message).toContain('nobody could approve');
  await room.person(alone.tenantId, 'DEVELOPER');
  accepted(await room.aliases.protectAlias(alone, input));
});

it('the database itself takes no approval by one person, and no breaking move without a word', async () => {
  const { id } = await wish();
  await expect(
    room.asOwner(
      `UPDATE alias_requests SET status = 'APPROVED', approved_by = ARRAY['usr_a', 'usr_a'], decided_at = now() WHERE id = $1`,
      [id],
    ),
  ).rejects.toThrow(/alias_requests_approved/);
  const row = (columns: string, values: string) =>
    room.asOwner(
      `INSERT INTO alias_moves (model_id, tenant_id, name, revision, kind, from_version_id, to_version_id, reason, differences,
         request_id, created_at, ${columns}) VALUES ($1, $2, 'x', 9, 'MOVED', $3, $4, 'x', '[]', 'x', now(), ${values})`,
      [modelId, ada.tenantId, one, two],
    );
  await expect(row('verdict, is_override', `'BREAKING', false`)).rejects.toThrow(/alias_moves_override/);
  await expect(
    row('verdict, is_override, alias_request_id, approved_by', `'WIDENING', false, 'alr', '{usr_a}'`),
  ).rejects.toThrow(/alias_moves_approved/);
});
