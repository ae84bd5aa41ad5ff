/** Evaluations as jobs: who runs them, what is charged, and what is left when they do not come to their end. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Dataset, Evaluation, EvaluationsService } from '../../../src/domain/evaluations/index.js';
import type { InferenceJob } from '../../../src/inference/index.js';
import { refuse } from '../../../src/lib/result.js';
import { doubling, type SeededModel } from '../../support/predictions-room.js';
import { until } from '../../support/until.js';
import { datasetOf, openEvaluationsRoom, readEvaluation, valueOf, type EvaluationsRoom } from './setting.js';

let room: EvaluationsRoom;
let service: EvaluationsService;
let actor: TenantActor & { readonly kind: 'user' };
let model: SeededModel;
let dataset: Dataset;

beforeAll(async () => {
  room = await openEvaluationsRoom();
  service = await room.process();
});
afterAll(() => room.stop());
beforeEach(async () => {
  room.useEngine(doubling);
  actor = await room.member();
  model = await room.model(actor.tenantId);
  dataset = await datasetOf(room, service, actor);
});

async function begin(options: object = {}, by = service): Promise<Evaluation> {
  const versionId = model.versionIds[0] ?? '';
  return valueOf(
    await by.evaluateVersion(actor, { versionId, datasetId: dataset.id, batchRows: 2, ...options }),
  );
}
const charged = async () => (await room.books(actor.tenantId)).events;
const ended = (id: string, status: string) =>
  until(async () => (await readEvaluation(service, actor, id)).status === status, { timeoutMs: 15_000 });

/** An engine that answers so many runs, then does what `then` says. */
function after(runs: number, then: (job: InferenceJob) => ReturnType<typeof doubling>) {
  let count = 0;
  room.useEngine((job) => (++count > runs ? then(job) : doubling(job)));
}

/** A run that nobody answers until its caller goes. */
const silent = (job: InferenceJob): ReturnType<typeof doubling> =>
  new Promise((resolve) => {
    job.signal?.addEventListener('abort', () => resolve(refuse({ code: 'CANCELLED', message: 'Gone.' })), {
      once: true,
    });
  });

describe('an evaluation', () => {
  it('goes through the corridor in chunks of LOW priority, each one charged prediction', async () => {
    const before = room.jobs.length;
    const evaluation = await begin({ waitMs: 10_000 });
    expect(evaluation).toMatchObject({
      status: 'SUCCEEDED',
      rowsDone: 10,
      charged: 5,
      report: { accuracy: 0.8 },
    });
    const jobs = room.jobs.slice(before);
    expect(jobs.map(({ rows, priority }) => ({ rows, priority }))).toEqual(
      Array.from({ length: 5 }, () => ({ rows: 2, priority: 'LOW' })),
    );
    expect(await charged()).toBe(5);
    // The answers were kept for a restart, and are not needed any more.
    await until(async () => {
      const kept = await room.db.asOwner<{ outputs: object | null }>(
        'SELECT outputs FROM idempotency_records WHERE tenant_id = $1',
        [actor.tenantId],
      );
      return kept.length === 5 && kept.every(({ outputs }) => outputs === null);
    });
  });

  it('is run by one of two processes, and no chunk twice', async () => {
    const other = await room.process();
    const begun = await Promise.all([service, other, service, other].map((by) => begin({}, by)));
    for (const { id } of begun) await ended(id, 'SUCCEEDED');
    expect(await charged()).toBe(20);
    await other.stop();
  });

  it('waits while the pool has no room', async () => {
    let refusals = 0;
    room.useEngine((job) =>
      refusals++ < 2
        ? Promise.resolve(refuse({ code: 'OVERLOADED', message: 'Full.', retryAfterMs: 10 } as const))
        : doubling(job),
    );
    expect(await begin({ waitMs: 10_000 })).toMatchObject({ status: 'SUCCEEDED', charged: 5 });
  });

  it('that is cancelled ends at once, keeps what was done, and goes on later', async () => {
    after(2, silent);
    const { id } = await begin();
    await until(async () => (await readEvaluation(service, actor, id)).rowsDone === 4);
    const cancelled = valueOf(await service.cancelEvaluation(actor, { evaluationId: id }));
    expect(cancelled).toMatchObject({ status: 'CANCELLED', rowsDone: 4, report: { rows: 4, accuracy: 1 } });
    await until(async () => (await charged()) === 2);
    room.useEngine(doubling);
    valueOf(await service.resumeEvaluation(actor, { evaluationId: id }));
    await ended(id, 'SUCCEEDED');
    expect(await charged()).toBe(5);
  });

  it('of a process that stops is taken up by the next behind what was done, and costs no attempt', async () => {
    const stopping = await room.process();
    await service.stop();
    after(3, silent);
    const { id } = await begin({}, stopping);
    await until(async () => (await readEvaluation(service, actor, id)).rowsDone === 6);
    await stopping.stop();
    expect(await readEvaluation(service, actor, id)).toMatchObject({ status: 'QUEUED', rowsDone: 6 });
    room.useEngine(doubling);
    service = await room.process();
    await ended(id, 'SUCCEEDED');
    expect(await charged()).toBe(5);
  });

  it('of a process that dies between a charge and its record is not charged again', async () => {
    await service.stop();
    let answered = 0;
    // Charges, and is not heard of for longer than its lease.
    const dying = await room.process({
      leaseMs: 400,
      predictions: {
        ...room.predictions,
        predict: async (...call) => {
          const outcome = await room.predictions.predict(...call);
          if (++answered >= 3) {
            // Until its lease is seen to be another's: then it must find that it may keep nothing.
            await new Promise((resolve) => call[2].addEventListener('abort', resolve, { once: true }));
          }
          return outcome;
        },
      },
    });
    const { id } = await begin({}, dying);
    await until(async () => (await charged()) === 3);
    await room.db.asOwner("UPDATE evaluations SET lease_owner = 'dead' WHERE id = $1", [id]);
    expect((await readEvaluation(service, actor, id)).rowsDone).toBe(4);
    service = await room.process();
    await until(async () => {
      service.resumeEvaluationsAcrossTenants();
      return (await readEvaluation(service, actor, id)).status === 'SUCCEEDED';
    });
    expect(await readEvaluation(service, actor, id)).toMatchObject({
      charged: 5,
      report: { rows: 10, accuracy: 0.8 },
    });
    expect(await charged()).toBe(5);
  });

  it('that was begun too often without getting a chunk through is given up', async () => {
    await service.stop();
    const { id } = await begin();
    await room.db.asOwner('UPDATE evaluations SET attempts = 3 WHERE id = $1', [id]);
    service = await room.process();
    await ended(id, 'FAILED');
    expect((await readEvaluation(service, actor, id)).failure?.message).toContain('begun 3 times');
  });
});

describe('what its author may do is asked before each chunk', () => {
  it('a member who has left runs nothing more', async () => {
    after(2, async (job) => {
      await room.db.asOwner('DELETE FROM memberships WHERE user_id = $1', [actor.userId]);
      return doubling(job);
    });
    const evaluation = await begin({ waitMs: 10_000 });
    expect(evaluation).toMatchObject({
      status: 'FAILED',
      failure: { code: 'PERMISSION_DENIED' },
      rowsDone: 6,
    });
    expect(evaluation.report?.rows).toBe(6);
  });

  it('a grant that ends stops it; without one it does not begin', async () => {
    const owner = await room.member();
    model = await room.model(owner.tenantId, 'PUBLIC', 1, 'VIEW');
    const versionId = model.versionIds[0] ?? '';
    const refused = await service.evaluateVersion(actor, { versionId, datasetId: dataset.id });
    expect(refused).toMatchObject({ ok: false, error: { code: 'NOT_ENTITLED', path: ['versionId'] } });
    await room.grant(model, owner.tenantId, actor.tenantId, ['PREDICT']);
    after(1, async (job) => {
      await room.db.asOwner('UPDATE grants SET revoked_at = now() WHERE model_id = $1', [model.modelId]);
      return doubling(job);
    });
    await until(async () => (await room.predictions.findRunnable(actor, { versionId })).ok);
    expect(await begin({ waitMs: 10_000 })).toMatchObject({
      status: 'FAILED',
      failure: { code: 'NOT_ENTITLED' },
    });
  });
});

describe('a dataset', () => {
  it('of the same content keeps the bytes until the last is deleted, and its upload is gone', async () => {
    const again = await datasetOf(room, service, actor, 'again');
    expect(again.digest).toBe(dataset.digest);
    const [stored] = await Promise.all([room.files()]);
    expect(stored.filter((name) => name === dataset.digest)).toHaveLength(1);
    expect(stored).not.toContain(dataset.sourceDigest);
    // Those of the other tests have the same content.
    await room.db.asOwner('DELETE FROM datasets WHERE tenant_id <> $1', [actor.tenantId]);
    valueOf(await service.deleteDataset(actor, { datasetId: dataset.id }));
    expect(await room.files()).toContain(dataset.digest);
    valueOf(await service.deleteDataset(actor, { datasetId: again.id }));
    expect(await room.files()).not.toContain(dataset.digest);
  });

  it('is made once of one upload; a refused one leaves the upload and nothing else', async () => {
    const before = await room.files();
    const uploadId = await room.upload(actor, 'a,b\n1,2\n');
    const refused = await service.createDataset(actor, { name: 'one', uploadId });
    expect(refused).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT', path: ['labelColumn'] } });
    expect((await room.files()).length).toBe(before.length + 1);
    const both = await Promise.all(
      ['one', 'two'].map((name) => service.createDataset(actor, { name, uploadId, labelColumn: 'b' })),
    );
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true]);
    expect((await room.files()).length).toBe(before.length + 1);
  });
});
