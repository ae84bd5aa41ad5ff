import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimNextVersionNumber, type Model } from '../../../src/domain/catalog/index.js';
import { newId } from '../../../src/lib/ids.js';
import { keyOf } from '../../support/actors.js';
import { accepted, createCatalogWorld, refusalCode, type CatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

let world: CatalogWorld;
beforeAll(async () => {
  world = createCatalogWorld(await createTestDatabase());
});
afterAll(() => world.stop());

async function auditOf(model: Pick<Model, 'id'>) {
  return world.asOwner<{ action: string; details: Record<string, unknown>; user_id: string }>(
    'SELECT action, details, user_id FROM audit_events WHERE subject_id = $1 ORDER BY id',
    [model.id],
  );
}

describe('createModel', () => {
  it('keeps everything that was said, under the owner’s slug, with an audit event', async () => {
    const acme = await world.tenant('create-acme');
    const model = await world.model(acme, {
      name: 'digits',
      summary: ' Reads digits ',
      card: '# Digits\n',
      licence: 'mit',
      tags: ['vision', 'mnist'],
      task: 'image-classification',
      visibility: 'PUBLIC',
      publicAccess: 'DOWNLOAD',
    });
    expect(model).toMatchObject({
      tenantId: acme.tenantId,
      ownerSlug: 'create-acme',
      name: 'digits',
      summary: 'Reads digits',
      card: '# Digits\n',
      licence: 'MIT',
      tags: ['mnist', 'vision'],
      task: 'image-classification',
      visibility: 'PUBLIC',
      publicAccess: 'DOWNLOAD',
      lastVersionNumber: 0,
      archivedAt: null,
      grantRights: [],
      isSubscribed: false,
    });
    expect(model.id).toMatch(/^mdl_/);
    expect(await world.catalog.findModel(acme, 'create-acme', 'digits')).toEqual(model);
    const [event] = await auditOf(model);
    expect(event).toMatchObject({
      action: 'createModel',
      user_id: acme.kind === 'user' ? acme.userId : '',
      details: { name: 'digits', visibility: 'PUBLIC' },
    });
  });

  it('gives a name once: of ten at the same time exactly one wins, the others are told CONFLICT', async () => {
    const racer = await world.tenant('create-racer');
    const results = await Promise.all(
      Array.from({ length: 10 }, () => world.catalog.createModel(racer, { name: 'digits' })),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    for (const result of results.filter((one) => !one.ok)) expect(refusalCode(result)).toBe('CONFLICT');
    const rows = await world.asOwner('SELECT id FROM models WHERE tenant_id = $1', [racer.tenantId]);
    expect(rows).toHaveLength(1);
    const events = await world.asOwner('SELECT id FROM audit_events WHERE tenant_id = $1', [racer.tenantId]);
    expect(events).toHaveLength(1);
  });

  it('does not free the name by archiving, and lets another tenant use the same one', async () => {
    const first = await world.tenant('create-first');
    const second = await world.tenant('create-second');
    const model = await world.model(first, { name: 'digits' });
    accepted(await world.catalog.archiveModel(first, model.id));
    expect(refusalCode(await world.catalog.createModel(first, { name: 'digits' }))).toBe('CONFLICT');
    expect((await world.model(second, { name: 'digits' })).ownerSlug).toBe('create-second');
  });

  it('needs MODEL_WRITE', async () => {
    const acme = await world.tenant('create-reader');
    const result = await world.catalog.createModel(keyOf(acme, 'MODEL_READ'), { name: 'digits' });
    expect(result).toMatchObject({ ok: false, error: { permission: 'MODEL_WRITE' } });
  });

  it('keeps a card of 100,000 characters of the most various kind', async () => {
    const acme = await world.tenant('create-long');
    const card = Array.from({ length: 50_000 }, (_, i) => String.fromCodePoint(0x4e00 + (i % 20_000))).join(
      ' ',
    );
    const model = await world.model(acme, { name: 'long', card: card.slice(0, 100_000) });
    expect((await world.catalog.getModelsByIds(acme, [model.id]))[0]?.card).toBe(card.slice(0, 100_000));
  });
});

describe('updateModel', () => {
  it('changes what is given, keeps the rest, clears by null, and moves updatedAt', async () => {
    const acme = await world.tenant('update-acme');
    const model = await world.model(acme, { name: 'digits', summary: 'old', licence: 'MIT', task: 'text' });
    const updated = accepted(
      await world.catalog.updateModel(acme, { modelId: model.id, licence: null, tags: ['b', 'a'] }),
    );
    expect(updated).toMatchObject({ summary: 'old', licence: null, tags: ['a', 'b'], task: 'text' });
    expect(updated.createdAt).toEqual(model.createdAt);
    expect(updated.updatedAt.getTime()).toBeGreaterThanOrEqual(model.updatedAt.getTime());
    const events = await auditOf(model);
    expect(events[1]).toMatchObject({ action: 'updateModel', details: { changed: ['tags', 'licence'] } });
  });

  it('that changes nothing leaves no trace', async () => {
    const acme = await world.tenant('update-same');
    const model = await world.model(acme, { name: 'digits', summary: 'same', tags: ['a'] });
    const same = await world.catalog.updateModel(acme, { modelId: model.id, summary: 'same', tags: ['a'] });
    expect(accepted(same)).toEqual(model);
    expect(await auditOf(model)).toHaveLength(1);
  });

  it('answers NOT_FOUND in the same words for what is absent, hidden, public or granted but not one’s own', async () => {
    const acme = await world.tenant('update-owner');
    const other = await world.tenant('update-other');
    const hidden = await world.model(acme, { name: 'hidden' });
    const open = await world.model(acme, { name: 'open', visibility: 'PUBLIC', publicAccess: 'DOWNLOAD' });
    const granted = await world.model(acme, { name: 'granted' });
    accepted(
      await world.sharing.grantAccess(acme, {
        modelId: granted.id,
        granteeSlug: 'update-other',
        rights: ['PREDICT', 'DOWNLOAD'],
      }),
    );
    const answers = [];
    for (const modelId of [newId('model'), hidden.id, open.id, granted.id, 'nonsense\u0000']) {
      answers.push(
        await world.catalog.updateModel(other, { modelId, summary: 'mine' }),
        await world.catalog.archiveModel(other, modelId),
        await world.catalog.unarchiveModel(other, modelId),
      );
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ ok: false, error: { code: 'NOT_FOUND', path: ['modelId'] } });
  });

  it('lets several at the same time each have their say', async () => {
    const acme = await world.tenant('update-race');
    const model = await world.model(acme, { name: 'digits' });
    await Promise.all([
      world.catalog.updateModel(acme, { modelId: model.id, summary: 'new' }),
      world.catalog.updateModel(acme, { modelId: model.id, task: 'text' }),
      world.catalog.updateModel(acme, { modelId: model.id, visibility: 'PUBLIC' }),
    ]);
    const [after] = await world.catalog.getModelsByIds(acme, [model.id]);
    expect(after).toMatchObject({ summary: 'new', task: 'text', visibility: 'PUBLIC' });
  });
});

describe('an archived model', () => {
  it('is read-only until it is unarchived, and still there for those who know it', async () => {
    const acme = await world.tenant('archive-acme');
    const other = await world.tenant('archive-other');
    const model = await world.model(acme, { name: 'digits', visibility: 'PUBLIC' });
    const archived = accepted(await world.catalog.archiveModel(acme, model.id));
    expect(archived.archivedAt).toBeInstanceOf(Date);
    expect(accepted(await world.catalog.archiveModel(acme, model.id))).toEqual(archived);
    const update = await world.catalog.updateModel(acme, { modelId: model.id, summary: 'new' });
    expect(update).toMatchObject({ ok: false, error: { code: 'CONFLICT', path: ['modelId'] } });
    expect((await world.catalog.findModel(other, 'archive-acme', 'digits'))?.id).toBe(model.id);
    expect(accepted(await world.catalog.unarchiveModel(acme, model.id)).archivedAt).toBeNull();
    expect((await world.catalog.updateModel(acme, { modelId: model.id, summary: 'new' })).ok).toBe(true);
    const actions = (await auditOf(model)).map((event) => event.action);
    expect(actions).toEqual(['createModel', 'archiveModel', 'unarchiveModel', 'updateModel']);
  });
});

describe('claimNextVersionNumber', () => {
  const claim = (actor: { tenantId: string }, modelId: string) =>
    world.database.transaction({ tenantId: actor.tenantId }, (tx) =>
      claimNextVersionNumber(tx, actor.tenantId, modelId),
    );

  it('counts 1, 2, 3, … without gaps or doubles when many claim at once', async () => {
    const acme = await world.tenant('claim-acme');
    const model = await world.model(acme, { name: 'digits' });
    const numbers = await Promise.all(Array.from({ length: 12 }, () => claim(acme, model.id)));
    expect([...numbers].sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    const after = await world.catalog.findOwnModel(acme, model.id);
    expect(after?.lastVersionNumber).toBe(12);
    expect(after?.updatedAt.getTime()).toBeGreaterThanOrEqual(model.updatedAt.getTime());
  });

  it('gives the number back when the transaction is rolled back', async () => {
    const acme = await world.tenant('claim-rollback');
    const model = await world.model(acme, { name: 'digits' });
    const fault = world.database.transaction({ tenantId: acme.tenantId }, async (tx) => {
      expect(await claimNextVersionNumber(tx, acme.tenantId, model.id)).toBe(1);
      throw new Error('the import failed');
    });
    await expect(fault).rejects.toThrow('the import failed');
    expect(await claim(acme, model.id)).toBe(1);
  });

  it('refuses archived models and models of others', async () => {
    const acme = await world.tenant('claim-owner');
    const other = await world.tenant('claim-other');
    const model = await world.model(acme, { name: 'digits', visibility: 'PUBLIC' });
    expect(await claim(other, model.id)).toBeNull();
    accepted(await world.catalog.archiveModel(acme, model.id));
    expect(await claim(acme, model.id)).toBeNull();
    expect(await world.catalog.findOwnModel(other, model.id)).toBeNull();
    expect((await world.catalog.findOwnModel(acme, model.id))?.id).toBe(model.id);
  });
});
