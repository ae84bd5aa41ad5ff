/** Moves are compare-and-set, checked against the signature, and never forgotten. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from '../../../src/lib/page.js';
import type { AliasMove } from '../../../src/domain/aliases/index.js';
import type { NamedSignature, Signature } from '../../../src/lib/tensor.js';
import { conflictOf } from './words.js';
import { accepted, refusalCode } from '../../support/catalog-world.js';
import { keyOf } from '../../support/actors.js';
import { move, openAliasesRoom, SIGNATURES, type AliasesRoom, type UserActor } from './setting.js';

const { PLAIN, WIDER, OTHER } = SIGNATURES;
let room: AliasesRoom;
let ada: UserActor;

beforeAll(async () => {
  room = await openAliasesRoom();
  ada = await room.owner();
});
afterAll(() => room.stop());

async function historyOf(modelId: string, name = 'production'): Promise<readonly AliasMove[]> {
  return accepted(await room.aliases.listAliasMoves(ada, modelId, { name })).items;
}

async function standsAt(modelId: string, at: Date | null = null): Promise<string | null> {
  return (await room.aliases.aliasAt(ada, modelId, 'production', at))?.versionId ?? null;
}

it('an alias is made where there is none, moved from where it is, and otherwise left alone', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN, PLAIN]);
  const [one, two, three] = versions;
  const made = accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  expect(made).toMatchObject({
    alias: { versionId: one, revision: 1 },
    move: { kind: 'CREATED' },
    request: null,
  });

  const again = conflictOf(await room.aliases.setAlias(ada, move(modelId, two, null)));
  expect(again.message).toContain(`"production" is at version 1 (${one})`);
  expect(again.path).toEqual(['expectedVersionId']);

  const moved = accepted(await room.aliases.setAlias(ada, move(modelId, two, one)));
  expect(moved.move).toMatchObject({
    kind: 'MOVED',
    fromVersionId: one,
    toVersionId: two,
    verdict: 'COMPATIBLE',
  });
  const late = conflictOf(await room.aliases.setAlias(ada, move(modelId, three, one)));
  expect(late.message).toContain(`is at version 2 (${two}) since ${moved.alias?.movedAt.toISOString()}`);
  const nowhere = conflictOf(await room.aliases.setAlias(ada, move(modelId, three, one, { name: 'beta' })));
  expect(nowhere.message).toContain('There is no alias "beta" now');

  // It is there already: nothing happens, and nothing is written.
  expect(accepted(await room.aliases.setAlias(ada, move(modelId, two, two))).move).toBeNull();
  expect((await historyOf(modelId)).map(({ revision }) => revision)).toEqual([2, 1]);
});

it('says what it was at any time, also before it existed and after it was deleted', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN]);
  const [one, two] = versions;
  const before = new Date(Date.now() - 60_000);
  accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  accepted(await room.aliases.setAlias(ada, move(modelId, two, one)));
  const gone = await room.aliases.deleteAlias(ada, {
    ...move(modelId, two, two),
    expectedVersionId: two ?? '',
  });
  expect(accepted(gone)).toMatchObject({
    alias: null,
    move: { kind: 'DELETED', toVersionId: null, revision: 3 },
  });
  expect(await standsAt(modelId)).toBeNull();
  // Made again, it goes on where its history ended.
  const again = accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  expect(again.move).toMatchObject({ kind: 'CREATED', revision: 4 });

  const [, deleted, moved, made] = (await historyOf(modelId)).map(({ createdAt }) => createdAt);
  expect(await standsAt(modelId, before)).toBeNull();
  // Moves of the same millisecond are one instant to whoever asks: then the last of them counts.
  const expected = (at: Date | undefined) =>
    [made, moved, deleted, again.move?.createdAt]
      .map((time, i) => [time?.getTime() ?? 0, [one, two, null, one][i] ?? null] as const)
      .findLast(([time]) => time <= (at?.getTime() ?? 0))?.[1];
  for (const at of [made, moved, deleted, again.move?.createdAt, new Date(Date.now() + 60_000)]) {
    expect(await standsAt(modelId, at)).toBe(expected(at));
  }
});

it('times of moves never go back, whatever the clocks of servers say', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN]);
  const [one, two] = versions;
  accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  // As if it had been made by a database whose clock was ahead.
  await room.asOwner(`UPDATE alias_moves SET created_at = now() + interval '1 hour' WHERE model_id = $1`, [
    modelId,
  ]);
  accepted(await room.aliases.setAlias(ada, move(modelId, two, one)));
  const [second, first] = await historyOf(modelId);
  expect(second?.revision).toBe(2);
  expect(second?.createdAt).toEqual(first?.createdAt);
  expect(await standsAt(modelId, second?.createdAt)).toBe(two);
});

it('rolls back to the version before the last move, once, whoever asks at the same time', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN, PLAIN]);
  const [one, two, three] = versions;
  const back = (expectedVersionId: string | undefined) =>
    room.aliases.rollbackAlias(ada, {
      ...move(modelId, two, null),
      expectedVersionId: expectedVersionId ?? '',
    });
  expect(refusalCode(await back(one))).toBe('NOT_FOUND');
  accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  expect(conflictOf(await back(one)).message).toContain('has not moved since it was created');
  accepted(await room.aliases.setAlias(ada, move(modelId, two, one)));
  accepted(await room.aliases.setAlias(ada, move(modelId, three, two)));

  const answers = await Promise.all([back(three), back(three), back(three)]);
  expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  expect(await standsAt(modelId)).toBe(two);
  const [last] = await historyOf(modelId);
  expect(last).toMatchObject({ kind: 'ROLLED_BACK', fromVersionId: three, toVersionId: two, revision: 4 });
  // A rollback is a move, and so can be rolled back itself.
  expect(accepted(await back(two)).move).toMatchObject({ fromVersionId: two, toVersionId: three });
});

it('a breaking move needs to be allowed, by name, and is remembered with what it breaks', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, WIDER, OTHER]);
  const [plain, wider, other] = versions;
  accepted(await room.aliases.setAlias(ada, move(modelId, plain, null)));
  const widened = accepted(await room.aliases.setAlias(ada, move(modelId, wider, plain)));
  expect(widened.move).toMatchObject({ verdict: 'WIDENING', isOverride: false });

  const refused = await room.aliases.setAlias(ada, move(modelId, other, wider));
  expect(refused).toMatchObject({
    error: {
      code: 'BREAKING_CHANGE',
      path: ['allowBreaking'],
      differences: [
        'The input "x" is gone: requests with it are refused.',
        'The input "image" is new: requests without it are refused.',
      ],
    },
  });
  expect(await standsAt(modelId)).toBe(wider);
  const allowed = accepted(
    await room.aliases.setAlias(ada, move(modelId, other, wider, { allowBreaking: true })),
  );
  expect(allowed.move).toMatchObject({ verdict: 'BREAKING', isOverride: true });

  // Going back breaks whoever has used what was new.
  const back = { ...move(modelId, plain, null), expectedVersionId: other ?? '' };
  expect(refusalCode(await room.aliases.rollbackAlias(ada, back))).toBe('BREAKING_CHANGE');
  accepted(await room.aliases.rollbackAlias(ada, { ...back, allowBreaking: true }));

  const log = accepted(await room.audit.auditLog(ada, { subjectId: modelId }));
  expect(
    log.items.map(({ action, details }) => [action, details['verdict'], details['breakingAllowed']]),
  ).toEqual([
    ['rollbackAlias', 'BREAKING', true],
    ['setAlias', 'BREAKING', true],
    ['setAlias', 'WIDENING', false],
    ['setAlias', null, false],
    ['createModel', undefined, undefined],
  ]);
});

it('a signature beside the default one has callers too: the gate and the history name it', async () => {
  const named = (name: string, signature: Signature): NamedSignature => ({
    name,
    signature,
    batchable: true,
  });
  const one = [named('serving_default', PLAIN), named('embed', PLAIN)];
  const two = [named('serving_default', PLAIN), named('embed', OTHER), named('classify', PLAIN)];
  const { modelId, versions } = await room.model(ada, [one, two, PLAIN]);
  const [first, second = '', third = ''] = versions;
  accepted(await room.aliases.setAlias(ada, move(modelId, first, null)));
  const input = { modelId, name: 'production', versionId: second };
  expect(accepted(await room.aliases.checkAliasMove(ada, input))).toMatchObject({ verdict: 'BREAKING' });
  expect(await room.aliases.setAlias(ada, move(modelId, second, first))).toMatchObject({
    error: {
      code: 'BREAKING_CHANGE',
      differences: [
        'In the signature "embed": the input "x" is gone: requests with it are refused.',
        'In the signature "embed": the input "image" is new: requests without it are refused.',
      ],
    },
  });
  accepted(await room.aliases.setAlias(ada, move(modelId, second, first, { allowBreaking: true })));
  const away = await room.aliases.setAlias(ada, move(modelId, third, second));
  expect(away).toMatchObject({ error: { code: 'BREAKING_CHANGE' } });
  const [last] = await historyOf(modelId);
  expect(last?.differences.map(({ signature, change, side }) => [signature, change, side])).toEqual([
    ['embed', 'REMOVED', 'INPUT'],
    ['embed', 'ADDED', 'INPUT'],
    ['classify', 'ADDED', null],
  ]);
});

it('tells what a move would mean without making it', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, OTHER]);
  const [plain, other = ''] = versions;
  const input = { modelId, name: 'production', versionId: other };
  expect(accepted(await room.aliases.checkAliasMove(ada, input))).toMatchObject({
    alias: null,
    verdict: null,
    needsOverride: false,
  });
  accepted(await room.aliases.setAlias(ada, move(modelId, plain, null)));
  expect(accepted(await room.aliases.checkAliasMove(ada, input))).toMatchObject({
    alias: { versionId: plain },
    toVersionId: other,
    verdict: 'BREAKING',
    needsOverride: true,
    needsApproval: false,
  });
  expect(await standsAt(modelId)).toBe(plain);
  const stranger = await room.owner();
  expect(accepted(await room.aliases.checkAliasMove(stranger, input))).toBeNull();
});

it('points to no version of another model, whatever asks for it', async () => {
  const mine = await room.model(ada, [PLAIN]);
  const another = await room.model(ada, [PLAIN]);
  const stranger = await room.owner();
  const theirs = await room.model(stranger, [PLAIN], 'PUBLIC');
  for (const versionId of [another.versions[0], theirs.versions[0], 'ver_0', "'; --", '\0']) {
    const answer = await room.aliases.setAlias(ada, move(mine.modelId, versionId, null));
    expect(answer).toMatchObject({ error: { code: 'NOT_FOUND', path: ['versionId'] } });
  }
  // The database says no as well.
  await expect(
    room.asOwner(
      `INSERT INTO aliases (model_id, tenant_id, name, version_id, revision, moved_at) VALUES ($1, $2, 'x', $3, 1, now())`,
      [mine.modelId, ada.tenantId, another.versions[0]],
    ),
  ).rejects.toThrow(/aliases_version_id_model_id_fkey/);
});

it('refuses names that are none, and reasons that say nothing, all mistakes at once', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN]);
  const named = (name: string, reason = 'Because.') =>
    room.aliases.setAlias(ada, move(modelId, versions[0], null, { name, reason }));
  for (const name of [
    '',
    '3',
    '3.1',
    'Prod',
    'latest',
    'a b',
    'a@b',
    '-a',
    'a..b',
    'a'.repeat(61),
    'ä',
    'a\0',
  ]) {
    expect(await named(name), name).toMatchObject({ error: [{ code: 'INVALID_INPUT', path: ['name'] }] });
  }
  const both = await named('1', ' \n ');
  expect(both).toMatchObject({ error: [{ path: ['name'] }, { path: ['reason'] }] });
  for (const reason of ['x'.repeat(501), 'a\u0007b', 'a\nb', '\ud800']) {
    expect(await named('fine', reason)).toMatchObject({ error: [{ path: ['reason'] }] });
  }
  for (const name of ['a', 'v2', 'prod.eu-west_1', 'a'.repeat(60)]) accepted(await named(name));
});

it('is changed by the owner with MODEL_WRITE only, and not while the model is archived', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN], 'PUBLIC');
  const [one, two] = versions;
  accepted(await room.aliases.setAlias(ada, move(modelId, one, null)));
  const stranger = await room.owner();
  expect(refusalCode(await room.aliases.setAlias(stranger, move(modelId, two, one)))).toBe('NOT_FOUND');
  const reader = keyOf(ada, 'MODEL_READ');
  expect(refusalCode(await room.aliases.setAlias(reader, move(modelId, two, one)))).toBe('PERMISSION_DENIED');
  accepted(await room.catalog.archiveModel(ada, modelId));
  expect(conflictOf(await room.aliases.setAlias(ada, move(modelId, two, one))).path).toEqual(['modelId']);
});

it('shows readers of the model where and why, and who only to the owner’s', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN], 'PRIVATE');
  accepted(await room.aliases.setAlias(ada, move(modelId, versions[0], null)));
  const grantee = await room.owner();
  const seen = async () => ({
    alias: await room.aliases.aliasAt(grantee, modelId, 'production', null),
    past: await room.aliases.aliasAt(grantee, modelId, 'production', new Date(Date.now() + 1000)),
    all: (await room.aliases.aliasesOfModels(grantee, [modelId]))[0],
    moves: accepted(await room.aliases.listAliasMoves(grantee, modelId, {})).items,
  });
  expect(await seen()).toEqual({ alias: null, past: null, all: [], moves: [] });
  const slug = await room.asOwner<{ slug: string }>('SELECT slug FROM tenants WHERE id = $1', [
    grantee.tenantId,
  ]);
  accepted(
    await room.sharing.grantAccess(ada, { modelId, granteeSlug: slug[0]?.slug ?? '', rights: ['PREDICT'] }),
  );
  const { alias, past, all, moves } = await seen();
  expect(alias).toMatchObject({ versionId: versions[0] });
  expect(past).toEqual(alias);
  expect(all).toEqual([alias]);
  expect(moves).toMatchObject([{ reason: 'Because.', userId: null, apiKeyId: null, approvedBy: [] }]);
  expect((await historyOf(modelId))[0]).toMatchObject({ userId: ada.userId });
});

it('pages through the history of one alias, or of all, without losing or repeating a move', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN]);
  const [one, two] = versions;
  for (const name of ['a', 'b']) {
    accepted(await room.aliases.setAlias(ada, move(modelId, one, null, { name })));
    for (let i = 0; i < 3; i++) {
      const [from, to] = i % 2 === 0 ? [one, two] : [two, one];
      accepted(await room.aliases.setAlias(ada, move(modelId, to, from, { name })));
    }
  }
  const read = async (name?: string) => {
    const found: string[] = [];
    let after: string | null = null;
    do {
      const page: Page<AliasMove> = accepted(
        await room.aliases.listAliasMoves(ada, modelId, { name, first: 3, after }),
      );
      found.push(...page.items.map((item) => `${item.name}${item.revision}`));
      after = page.hasNextPage ? (page.cursors.at(-1) ?? null) : null;
    } while (after !== null);
    return found;
  };
  expect(await read('a')).toEqual(['a4', 'a3', 'a2', 'a1']);
  expect(await read()).toEqual(['b4', 'b3', 'b2', 'b1', 'a4', 'a3', 'a2', 'a1']);
  const forged = Buffer.from(JSON.stringify([1, 'alias-moves', 'x', 'a', 1])).toString('base64url');
  expect(refusalCode(await room.aliases.listAliasMoves(ada, modelId, { after: forged }))).toBe(
    'INVALID_INPUT',
  );
});

it('a model has a hundred aliases at most', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN]);
  await room.asOwner(
    `INSERT INTO aliases (model_id, tenant_id, name, version_id, revision, moved_at)
     SELECT $1, $2, 'a' || i, $3, 1, now() FROM generate_series(1, 100) i`,
    [modelId, ada.tenantId, versions[0]],
  );
  const full = conflictOf(await room.aliases.setAlias(ada, move(modelId, versions[0], null)));
  expect(full.message).toContain('at most 100 aliases');
});

it('a version that may not run is no target, neither of a move nor of a rollback', async () => {
  const { modelId, versions } = await room.model(ada, [PLAIN, PLAIN]);
  const [one = '', two = ''] = versions;
  const yanked = new Set<string>();
  const aliases = room.serviceOn(room.database, {
    refusalOfTarget: (_tx, tenantId, { id, number }) => {
      expect(tenantId).toBe(ada.tenantId);
      const message = `Version ${number} was yanked.`;
      return Promise.resolve(yanked.has(id) ? { code: 'CONFLICT', message, path: ['versionId'] } : null);
    },
  });
  accepted(await aliases.setAlias(ada, move(modelId, one, null)));
  yanked.add(two);
  expect(conflictOf(await aliases.setAlias(ada, move(modelId, two, one))).message).toBe(
    'Version 2 was yanked.',
  );
  yanked.clear();
  accepted(await aliases.setAlias(ada, move(modelId, two, one)));
  yanked.add(one);
  const back = { ...move(modelId, one, null), expectedVersionId: two };
  expect(conflictOf(await aliases.rollbackAlias(ada, back)).message).toBe('Version 1 was yanked.');
});
