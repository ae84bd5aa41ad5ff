/** Who may run a yanked version: from the reply on, on every server. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Database } from '../../../src/database/index.js';
import type { ApiKeyActor, TenantActor } from '../../../src/domain/access/index.js';
import { createAliasesService } from '../../../src/domain/aliases/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import type { PredictionsService, PredictTarget } from '../../../src/domain/predictions/index.js';
import { refusalOfNewCallers } from '../../../src/domain/versions/index.js';
import { createYanking, type Yanking } from '../../../src/domain/versions/yank-version.js';
import { createLogger } from '../../../src/lib/logger.js';
import { ownerOf } from '../../support/actors.js';
import {
  commandFor,
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
  type SeededModel,
} from '../../support/predictions-room.js';
import { until } from '../../support/until.js';

let room: PredictionsRoom;
let elsewhere: Database;
let yanking: Yanking;
let owner: TenantActor;
let key: ApiKeyActor;
let model: SeededModel;

beforeAll(async () => {
  room = await openPredictionsRoom();
  const { database } = room.db;
  yanking = createYanking({
    database,
    clock: room.clock,
    audit: createAuditService({ database, clock: room.clock }),
  });
  elsewhere = new Database({ url: room.db.url, logger: createLogger('error'), maxConnections: 2 });
  await elsewhere.start();
});
afterAll(async () => {
  await elsewhere.stop();
  await room.stop();
});
beforeEach(async () => {
  owner = ownerOf(await room.tenant(null));
  const consumer = await room.tenant(null);
  key = await room.key(consumer, null);
  model = await room.model(owner.tenantId, 'PRIVATE', 3);
  await room.grant(model, owner.tenantId, consumer, ['PREDICT']);
});

/** The number of the version that ran, or the refusal. */
async function answer(target: PredictTarget, service: PredictionsService = room.predictions) {
  const result = await service.predict(inNewRequest(key), commandFor(model, { target }), NEVER);
  return result.ok ? result.value.receipt.versionNumber : result.error[0];
}

async function yank(number: number, pinnedCallers: 'KEEP' | 'REFUSE', reason = 'It is wrong'): Promise<void> {
  const versionId = model.versionIds[number - 1] ?? '';
  expect(await yanking.yankVersion(owner, { versionId, reason, pinnedCallers })).toMatchObject({ ok: true });
}

const newest = (): PredictTarget[] => [{ modelId: model.modelId }, { model: model.name }];
const pinned = (number: number): PredictTarget[] => [
  { versionId: model.versionIds[number - 1] ?? '' },
  { model: `${model.name}:${number}` },
];

async function answers(targets: readonly PredictTarget[], service?: PredictionsService) {
  const found = [];
  for (const target of targets) found.push(await answer(target, service));
  return found;
}

it('with KEEP is not the newest from the reply on, and who names it goes on running it', async () => {
  expect(await answers([...newest(), ...pinned(3)])).toEqual([3, 3, 3, 3]);
  await yank(3, 'KEEP');
  expect(await answers([...newest(), ...pinned(3)])).toEqual([2, 2, 3, 3]);
  await yank(2, 'KEEP');
  expect(await answers(newest())).toEqual([1, 1]);
  await yanking.unyankVersion(owner, model.versionIds[2] ?? '');
  expect(await answers(newest())).toEqual([3, 3]);
});

it('with REFUSE runs for nobody, who hear why and what to use instead, and are charged nothing', async () => {
  const jobs = room.jobs.length;
  await yank(3, 'REFUSE', 'It was trained on the test set.');
  const refusal = {
    code: 'VERSION_YANKED',
    message: `${model.name}:3 was yanked by its publisher: It was trained on the test set. Use ${model.name}:2 instead. Nothing was charged.`,
    path: ['target'],
    yankReason: 'It was trained on the test set.',
    yankedSince: room.clock.now(),
    useInstead: 2,
  };
  expect(await answers(pinned(3))).toEqual([refusal, refusal]);
  expect(room.jobs).toHaveLength(jobs);
  expect(await answers(newest())).toEqual([2, 2]);
  await yanking.unyankVersion(owner, model.versionIds[2] ?? '');
  expect(await answers(pinned(3))).toEqual([3, 3]);
});

it('of which all are yanked, the newest is refused whatever the yanks say, and pins are kept as they say', async () => {
  for (const number of [1, 2, 3]) await yank(number, 'KEEP');
  const [byId, byName] = await answers(newest());
  expect(byId).toMatchObject({ code: 'VERSION_YANKED', useInstead: null });
  expect(byName).toEqual(byId);
  expect(await answers(pinned(1))).toEqual([1, 1]);
});

it('under an alias runs as for whoever names it, and no alias is moved to one', async () => {
  const aliases = createAliasesService({
    database: room.db.database,
    clock: room.clock,
    audit: createAuditService({ database: room.db.database, clock: room.clock }),
    refusalOfTarget: refusalOfNewCallers,
  });
  const { modelId, versionIds } = model;
  const [, second, third] = versionIds;
  const move = (versionId = '', expectedVersionId: string | null = null) =>
    aliases.setAlias(owner, { modelId, name: 'production', versionId, expectedVersionId, reason: 'Ready.' });
  expect(await move(second)).toMatchObject({ ok: true });
  const following = { model: `${model.name}@production` };
  await yank(2, 'KEEP');
  expect(await answer(following)).toBe(2);
  await yank(2, 'REFUSE');
  expect(await answer(following)).toMatchObject({ code: 'VERSION_YANKED', useInstead: 3 });
  expect(await move(third, second)).toMatchObject({ ok: true });
  expect(await answer(following)).toBe(3);
  expect(await move(second, third)).toMatchObject({
    ok: false,
    error: { code: 'CONFLICT', message: expect.stringContaining('It is wrong') as string },
  });
  expect(await answer(following)).toBe(3);
});

it('whose answer is asked for again with its key gives it again, uncharged', async () => {
  const command = commandFor(model, { idempotencyKey: 'once' });
  const first = await room.predictions.predict(inNewRequest(key), command, NEVER);
  await yank(3, 'REFUSE');
  const again = await room.predictions.predict(inNewRequest(key), command, NEVER);
  expect(again).toMatchObject({ ok: true, value: { receipt: { replayed: true, charged: 0 } } });
  expect(again.ok && first.ok && again.value.id).toBe(first.ok && first.value.id);
});

it('is refused by another server within a second, with predictions all the time', async () => {
  const another = room.anotherProcess({ database: elsewhere });
  const [target] = pinned(3);
  if (target === undefined) throw new Error();
  expect(await answer(target, another)).toBe(3);
  await yank(3, 'REFUSE');
  await until(async () => typeof (await answer(target, another)) === 'object', { timeoutMs: 1_000 });
  expect(await answers(newest(), another)).toEqual([2, 2]);
});
