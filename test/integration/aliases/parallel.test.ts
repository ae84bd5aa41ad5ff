/** Many who move one alias at once, over several servers: of those who expect the same, one wins. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AliasesService } from '../../../src/domain/aliases/index.js';
import { accepted } from '../../support/catalog-world.js';
import { conflictOf } from './words.js';
import { move, openAliasesRoom, SIGNATURES, type AliasesRoom, type UserActor } from './setting.js';

const MOVES = 50;
let room: AliasesRoom;
let servers: readonly AliasesService[];
let ada: UserActor;

beforeAll(async () => {
  room = await openAliasesRoom();
  servers = [room.aliases, await room.anotherServer(), await room.anotherServer()];
  ada = await room.owner();
});
afterAll(() => room.stop());

const serverOf = (i: number) => servers[i % servers.length] ?? room.aliases;

it('of fifty parallel moves exactly one wins each compare-and-set, and each loser is told where the alias is', async () => {
  const { modelId, versions } = await room.model(
    ada,
    Array.from({ length: 5 }, () => SIGNATURES.PLAIN),
  );
  let at: string | null = null;
  const winners: string[] = [];
  for (let round = 0; round < 4; round++) {
    const from = at as string | null;
    const targets: readonly string[] = versions.filter((id) => id !== from);
    const answers = await Promise.all(
      Array.from({ length: MOVES }, (_, i) =>
        serverOf(i).setAlias(ada, move(modelId, targets[i % targets.length], from, { reason: `By ${i}.` })),
      ),
    );
    const won = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
    expect(won).toHaveLength(1);
    at = won[0]?.alias?.versionId ?? null;
    winners.push(won[0]?.move?.reason ?? '');
    for (const answer of answers) if (!answer.ok) expect(conflictOf(answer).message).toContain(`(${at})`);
  }
  const history = accepted(await room.aliases.listAliasMoves(ada, modelId, { name: 'production' })).items;
  expect(history.map(({ revision }) => revision)).toEqual([4, 3, 2, 1]);
  expect(history.map(({ reason }) => reason).reverse()).toEqual(winners);
  // Each move begins where the one before it ended.
  for (const [i, one] of history.entries())
    expect(one.fromVersionId).toBe(history[i + 1]?.toVersionId ?? null);
});

it('moves, rollbacks and deletions at once leave a history without a gap, that ends where the alias is', async () => {
  const { modelId, versions } = await room.model(
    ada,
    Array.from({ length: 3 }, () => SIGNATURES.PLAIN),
  );
  const pick = (i: number) => versions[i % versions.length] ?? '';
  const answers = await Promise.all(
    Array.from({ length: MOVES }, (_, i) => {
      const server = serverOf(i);
      const expected = { ...move(modelId, pick(i), null), expectedVersionId: pick(i + 1) };
      if (i % 5 === 3) return server.rollbackAlias(ada, expected);
      if (i % 5 === 4) return server.deleteAlias(ada, expected);
      return server.setAlias(ada, i % 5 === 0 ? move(modelId, pick(i), null) : expected);
    }),
  );
  const made = answers.filter((answer) => answer.ok && answer.value.move !== null).length;
  expect(made).toBeGreaterThan(0);
  const history = accepted(await room.aliases.listAliasMoves(ada, modelId, { first: 100 })).items;
  expect(history.map(({ revision }) => revision)).toEqual(Array.from({ length: made }, (_, i) => made - i));
  for (const [i, one] of history.entries())
    expect(one.fromVersionId).toBe(history[i + 1]?.toVersionId ?? null);
  const now = await room.aliases.aliasAt(ada, modelId, 'production', null);
  expect(now?.versionId ?? null).toBe(history[0]?.toVersionId ?? null);
  expect(now === null || now.revision === made).toBe(true);
});
