/** One flipped bit on the disk: the version it belongs to says so, the others do not notice. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiKeyActor } from '../../../src/domain/access/index.js';
import type { PredictionsService } from '../../../src/domain/predictions/index.js';
import { InferenceEngine } from '../../../src/inference/index.js';
import { newId } from '../../../src/lib/ids.js';
import { denseModel, layersPack, type TestPack } from '../../support/make-pack.js';
import {
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
} from '../../support/predictions-room.js';
import { silentLogger } from '../../support/silent-logger.js';

let room: PredictionsRoom;
let engine: InferenceEngine;
let predictions: PredictionsService;
let key: ApiKeyActor;
let directory: string;
let name: string;
const packs: TestPack[] = [];
const log: { level: number; reason?: string; version?: string }[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'souk-damaged-'));
  room = await openPredictionsRoom();
  engine = new InferenceEngine({ logger: silentLogger(), workers: 1, runtimes: ['tfjs-wasm'] });
  await engine.start();
  predictions = room.anotherProcess({
    infer: (job) => engine.infer(job),
    packPath: (digest) => join(directory, digest),
    engines: ['tfjs-wasm'],
    log: pino({}, { write: (line: string) => void log.push(JSON.parse(line) as (typeof log)[number]) }),
  });
  const owner = await room.tenant(null);
  key = await room.key(owner, null);
  const model = await room.model(owner, 'PRIVATE', 0);
  ({ name } = model);
  for (const number of [1, 2]) {
    const pack = await layersPack(denseModel());
    packs.push(pack);
    await writeFile(join(directory, pack.digest), pack.bytes);
    const digest = `sha-${pack.digest}`;
    await room.db.asOwner('INSERT INTO artifacts (digest, bytes) VALUES ($1, 1)', [digest]);
    await room.db.asOwner(
      `INSERT INTO versions (id, tenant_id, model_id, number, format, digest, bytes, pack_digest, pack_bytes, signature,
         runtime, trials, parameter_count, weight_bytes, operations)
       VALUES ($1, $2, $3, $4, 'TFJS_LAYERS', $5, 1, $6, 1, $7, 'tfjs-wasm', '[]', 1, 4, '[]')`,
      [newId('version'), owner, model.modelId, number, digest, pack.digest, JSON.stringify(pack.signature)],
    );
  }
});
afterAll(async () => {
  await engine.stop({ graceMs: 1_000 });
  await room.stop();
  await rm(directory, { recursive: true, force: true });
});

const ask = (number: number) =>
  predictions.predict(
    inNewRequest(key),
    {
      target: { model: `${name}:${number}` },
      inputs: [{ data: [[0.1, -0.2, 0.3, 0.4]] }],
      idempotencyKey: null,
      timeoutMs: 20_000,
    },
    NEVER,
  );

it('is refused with its cause each time, logged once, and leaves the other versions alone', async () => {
  const [damaged] = packs;
  const path = join(directory, damaged?.digest ?? '');
  const bytes = await readFile(path);
  const at = bytes.length - 1;
  await writeFile(path, Buffer.concat([bytes.subarray(0, at), Buffer.from([(bytes[at] ?? 0) ^ 1])]));

  expect((await ask(2)).ok).toBe(true);
  for (let i = 0; i < 5; i++) {
    const result = await ask(1);
    expect(result).toMatchObject({ ok: false, error: [{ code: 'PREDICTION_FAILED', retryable: false }] });
    const message = result.ok ? '' : (result.error[0]?.message ?? '');
    expect(message).toContain(`The file of model ${damaged?.digest} is damaged: its bytes hash to`);
    expect(message).not.toContain(directory);
    expect((await ask(2)).ok).toBe(true);
  }
  expect(log.filter(({ level }) => level >= 50)).toMatchObject([
    { version: `${name}:1`, reason: expect.stringContaining('is damaged') as string },
  ]);

  // Whole again, it runs: nothing of the damage is remembered against it.
  await writeFile(path, bytes);
  expect((await ask(1)).ok).toBe(true);
});
