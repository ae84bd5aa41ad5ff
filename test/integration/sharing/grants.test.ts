import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Model, Right } from '../../../src/domain/catalog/index.js';
import {
  entitlementFactsFromRow,
  entitlementFactsSql,
  entitlementFor,
  type EntitlementFactsRow,
} from '../../../src/domain/marketplace/index.js';
import type { Grant } from '../../../src/domain/sharing/index.js';
import { newId } from '../../../src/lib/ids.js';
import type { Page } from '../../../src/lib/page.js';
import { keyOf } from '../../support/actors.js';
import { accepted, createCatalogWorld, refusalCode, type CatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

let world: CatalogWorld;
let acme: TenantActor;
let beta: TenantActor;
let gamma: TenantActor;
let made = 0;

beforeAll(async () => {
  world = createCatalogWorld(await createTestDatabase());
  acme = await world.tenant('acme');
  beta = await world.tenant('beta');
  gamma = await world.tenant('gamma');
});
afterAll(() => world.stop());

const privateModel = () => world.model(acme, { name: `model-${++made}` });
const grant = (model: Model, rights: readonly Right[], granteeSlug = 'beta', expiresAt?: Date | null) =>
  world.sharing.grantAccess(acme, { modelId: model.id, granteeSlug, rights, expiresAt });
const seen = async (actor: TenantActor, model: Model) =>
  (await world.catalog.getModelsByIds(actor, [model.id]))[0];

/** As the corridor of predict asks: facts and decision, one statement. */
async function entitled(actor: TenantActor, model: Model, right: Right): Promise<string> {
  const [row] = await world.database.sql({ tenantId: actor.tenantId }, (query) =>
    query<EntitlementFactsRow>(
      `SELECT ${entitlementFactsSql.columns} FROM models m ${entitlementFactsSql.join('$1')} WHERE m.id = $2`,
      [actor.tenantId, model.id],
    ),
  );
  if (row === undefined) return 'NOT_FOUND';
  const answer = entitlementFor(actor, entitlementFactsFromRow(row), right);
  return answer.ok ? answer.value.basis : answer.error.code;
}

describe('grantAccess', () => {
  it('opens the model at once, with just the rights that it gives', async () => {
    const model = await privateModel();
    expect(await seen(beta, model)).toBeNull();
    expect(await entitled(beta, model, 'PREDICT')).toBe('NOT_FOUND');
    const given = accepted(await grant(model, ['PREDICT', 'PREDICT']));
    expect(given).toMatchObject({
      tenantId: acme.tenantId,
      modelId: model.id,
      granteeTenantId: beta.tenantId,
      rights: ['PREDICT'],
      expiresAt: null,
    });
    expect((await seen(beta, model))?.grantRights).toEqual(['PREDICT']);
    expect((await world.catalog.findModel(beta, 'acme', model.name))?.id).toBe(model.id);
    expect(await entitled(beta, model, 'PREDICT')).toBe('GRANT');
    expect(await entitled(beta, model, 'DOWNLOAD')).toBe('NOT_ENTITLED');
    expect(await entitled(acme, model, 'DOWNLOAD')).toBe('OWNER');
    expect(await seen(gamma, model)).toBeNull();
    const audit = await world.asOwner('SELECT action, tenant_id FROM audit_events WHERE subject_id = $1', [
      given.id,
    ]);
    expect(audit).toEqual([{ action: 'grantAccess', tenant_id: acme.tenantId }]);
  });

  it('replaces the grant in force, so that rights can be taken away by it', async () => {
    const model = await privateModel();
    const first = accepted(await grant(model, ['PREDICT', 'DOWNLOAD', 'VIEW']));
    expect(first.rights).toEqual(['VIEW', 'PREDICT', 'DOWNLOAD']);
    const second = accepted(await grant(model, ['VIEW']));
    expect(await entitled(beta, model, 'PREDICT')).toBe('NOT_ENTITLED');
    expect(await world.sharing.getGrantById(acme, first.id)).toBeNull();
    expect(await world.sharing.getGrantById(acme, second.id)).toEqual(second);
  });

  it('leaves exactly one grant in force when ten are made at once', async () => {
    const model = await privateModel();
    const results = await Promise.all(Array.from({ length: 10 }, () => grant(model, ['PREDICT'])));
    expect(results.every((result) => result.ok)).toBe(true);
    const rows = await world.asOwner('SELECT id FROM grants WHERE model_id = $1 AND revoked_at IS NULL', [
      model.id,
    ]);
    expect(rows).toHaveLength(1);
    expect(await world.asOwner('SELECT id FROM grants WHERE model_id = $1', [model.id])).toHaveLength(10);
  });

  it('takes the place of one that has expired', async () => {
    const model = await privateModel();
    accepted(await grant(model, ['PREDICT'], 'beta', new Date(Date.now() + 60_000)));
    expect(await entitled(beta, model, 'PREDICT')).toBe('GRANT');
    await world.asOwner(`UPDATE grants SET expires_at = now() - interval '1 second' WHERE model_id = $1`, [
      model.id,
    ]);
    expect(await seen(beta, model)).toBeNull();
    expect(await entitled(beta, model, 'PREDICT')).toBe('NOT_FOUND');
    expect((await grant(model, ['VIEW'])).ok).toBe(true);
    expect(await entitled(beta, model, 'PREDICT')).toBe('NOT_ENTITLED');
  });

  it('is refused for every mistake, in words that fit it', async () => {
    const model = await privateModel();
    expect(await grant(model, [])).toMatchObject({
      ok: false,
      error: { code: 'INVALID_INPUT', path: ['rights'] },
    });
    expect(await grant(model, ['VIEW'], 'acme')).toMatchObject({
      ok: false,
      error: { code: 'INVALID_INPUT', path: ['granteeSlug'] },
    });
    for (const slug of ['nobody', 'no\u0000body', '']) {
      expect(await grant(model, ['VIEW'], slug)).toMatchObject({
        ok: false,
        error: { code: 'NOT_FOUND', path: ['granteeSlug'] },
      });
    }
    for (const past of [new Date(Date.now() - 1), new Date(Number.NaN)]) {
      expect(await grant(model, ['VIEW'], 'beta', past)).toMatchObject({
        ok: false,
        error: { code: 'INVALID_INPUT', path: ['expiresAt'] },
      });
    }
    const rows = await world.asOwner('SELECT id FROM grants WHERE model_id = $1', [model.id]);
    expect(rows).toEqual([]);
  });

  it('needs GRANT_MANAGE and a model of one’s own that is not archived', async () => {
    const model = await privateModel();
    const input = { modelId: model.id, granteeSlug: 'beta', rights: ['VIEW'] as const };
    expect(refusalCode(await world.sharing.grantAccess(keyOf(acme, 'MODEL_WRITE'), input))).toBe(
      'PERMISSION_DENIED',
    );
    accepted(await grant(model, ['VIEW'], 'gamma'));
    const byStranger = await world.sharing.grantAccess(gamma, input);
    expect(byStranger).toEqual(await world.sharing.grantAccess(gamma, { ...input, modelId: newId('model') }));
    expect(refusalCode(byStranger)).toBe('NOT_FOUND');
    accepted(await world.catalog.archiveModel(acme, model.id));
    expect(refusalCode(await world.sharing.grantAccess(acme, input))).toBe('CONFLICT');
  });
});

describe('revokeAccess', () => {
  it('closes the model with its reply, once, also when it is archived', async () => {
    const model = await privateModel();
    const { id } = accepted(await grant(model, ['PREDICT']));
    accepted(await world.catalog.archiveModel(acme, model.id));
    expect(await entitled(beta, model, 'PREDICT')).toBe('GRANT');
    expect(accepted(await world.sharing.revokeAccess(acme, id))).toBe(id);
    expect(await seen(beta, model)).toBeNull();
    expect(await entitled(beta, model, 'PREDICT')).toBe('NOT_FOUND');
    expect(refusalCode(await world.sharing.revokeAccess(acme, id))).toBe('NOT_FOUND');
    const audit = await world.asOwner('SELECT action FROM audit_events WHERE subject_id = $1 ORDER BY id', [
      id,
    ]);
    expect(audit).toEqual([{ action: 'grantAccess' }, { action: 'revokeAccess' }]);
  });

  it('is only for the owner, with GRANT_MANAGE', async () => {
    const model = await privateModel();
    const { id } = accepted(await grant(model, ['PREDICT']));
    expect(refusalCode(await world.sharing.revokeAccess(beta, id))).toBe('NOT_FOUND');
    expect(refusalCode(await world.sharing.revokeAccess(gamma, id))).toBe('NOT_FOUND');
    expect(refusalCode(await world.sharing.revokeAccess(acme, 'x\u0000'))).toBe('NOT_FOUND');
    expect(refusalCode(await world.sharing.revokeAccess(keyOf(acme, 'MODEL_WRITE'), id))).toBe(
      'PERMISSION_DENIED',
    );
    expect(await entitled(beta, model, 'PREDICT')).toBe('GRANT');
  });
});

describe('a grant', () => {
  it('is seen by its owner with GRANT_MANAGE and its grantee with MODEL_READ, and by nobody else', async () => {
    const model = await privateModel();
    const given = accepted(await grant(model, ['PREDICT']));
    expect(await world.sharing.getGrantById(acme, given.id)).toEqual(given);
    expect(await world.sharing.getGrantById(beta, given.id)).toEqual(given);
    expect(await world.sharing.getGrantById(gamma, given.id)).toBeNull();
    expect(await world.sharing.getGrantById(keyOf(acme, 'MODEL_READ'), given.id)).toBeNull();
    expect(await world.sharing.getGrantById(keyOf(beta, 'GRANT_MANAGE'), given.id)).toBeNull();
    expect(await world.sharing.getGrantsByIds(beta, ['x', given.id, newId('grant')])).toEqual([
      null,
      given,
      null,
    ]);
  });

  it('is listed, newest first and page by page, for the owner only', async () => {
    const model = await privateModel();
    for (let i = 0; i < 5; i++) {
      await world.tenant(`${model.name}-${i}`);
      accepted(await grant(model, ['VIEW'], `${model.name}-${i}`));
    }
    const ended = accepted(await grant(model, ['VIEW']));
    accepted(await world.sharing.revokeAccess(acme, ended.id));
    const ids: string[] = [];
    for (let after: string | null = null; ;) {
      const page: Page<Grant> | null = accepted(
        await world.sharing.listGrants(acme, model, { first: 2, after }),
      );
      if (page === null) throw new Error('hidden from the owner');
      ids.push(...page.items.map((item) => item.id));
      if (!page.hasNextPage) break;
      after = page.cursors.at(-1) ?? null;
    }
    expect(ids).toHaveLength(5);
    expect(ids).toEqual([...ids].sort().reverse());
    expect(ids).not.toContain(ended.id);
    expect(accepted(await world.sharing.listGrants(beta, model, {}))).toBeNull();
    expect(accepted(await world.sharing.listGrants(keyOf(acme, 'MODEL_READ'), model, {}))).toBeNull();
    expect(refusalCode(await world.sharing.listGrants(acme, model, { first: 0 }))).toBe('INVALID_INPUT');
  });
});
