import { describe, expect, it } from 'vitest';
import type { Permission, TenantActor } from '../../../src/domain/access/index.js';
import { modelNotFound, type Right, type Visibility } from '../../../src/domain/catalog/index.js';
import { entitlementFactsFromRow, entitlementFor } from '../../../src/domain/marketplace/index.js';

function actor(tenantId: string, ...permissions: Permission[]): TenantActor {
  return { kind: 'apiKey', apiKeyId: 'key', tenantId, permissions: new Set(permissions), requestId: 'req' };
}

function facts(visibility: Visibility, publicAccess: Right, grantRights: readonly Right[] = []) {
  return {
    model: { tenantId: 'ten_owner', visibility, publicAccess },
    grantRights,
    grantEndsAt: null,
    subscription: null,
    isForSale: false,
  };
}

describe('entitlementFor', () => {
  it('names the ground and who is charged', () => {
    const runner = actor('ten_other', 'PREDICTION_RUN');
    expect(entitlementFor(runner, facts('PRIVATE', 'VIEW', ['PREDICT']), 'PREDICT')).toEqual({
      ok: true,
      value: {
        right: 'PREDICT',
        basis: 'GRANT',
        subscription: null,
        ownerTenantId: 'ten_owner',
        consumerTenantId: 'ten_other',
      },
    });
    const open = entitlementFor(runner, facts('UNLISTED', 'PREDICT'), 'PREDICT');
    expect(open.ok && open.value.basis).toBe('PUBLIC');
    const own = entitlementFor(actor('ten_owner', 'PREDICTION_RUN'), facts('PRIVATE', 'VIEW'), 'PREDICT');
    expect(own.ok && own.value.basis).toBe('OWNER');
  });

  it('answers "does not exist" about what the tenant may not see, whatever the actor lacks', () => {
    for (const who of [actor('ten_other'), actor('ten_other', 'PREDICTION_RUN')]) {
      expect(entitlementFor(who, facts('PRIVATE', 'DOWNLOAD'), 'PREDICT', ['target'])).toEqual({
        ok: false,
        error: modelNotFound(['target']),
      });
    }
  });

  it('refuses a right that the tenant does not hold, and says which', () => {
    const who = actor('ten_other', 'PREDICTION_RUN', 'ARTIFACT_DOWNLOAD');
    expect(entitlementFor(who, facts('PUBLIC', 'PREDICT'), 'DOWNLOAD')).toMatchObject({
      ok: false,
      error: { code: 'NOT_ENTITLED', right: 'DOWNLOAD', path: ['target'] },
    });
    expect(entitlementFor(who, facts('PRIVATE', 'DOWNLOAD', ['VIEW']), 'PREDICT')).toMatchObject({
      ok: false,
      error: { code: 'NOT_ENTITLED', right: 'PREDICT' },
    });
  });

  it('refuses an actor without the permission, even of the owner', () => {
    expect(
      entitlementFor(actor('ten_owner', 'MODEL_READ'), facts('PUBLIC', 'DOWNLOAD'), 'PREDICT'),
    ).toMatchObject({
      ok: false,
      error: { code: 'PERMISSION_DENIED', permission: 'PREDICTION_RUN' },
    });
  });

  it('lets a key that may only run, run: it needs no permission to browse', () => {
    const who = actor('ten_other', 'PREDICTION_RUN');
    expect(entitlementFor(who, facts('PRIVATE', 'VIEW', ['PREDICT']), 'PREDICT').ok).toBe(true);
  });

  it('reads its facts from a row', () => {
    const row = {
      owner_tenant_id: 'ten_owner',
      visibility: 'PRIVATE',
      public_access: 'VIEW',
      grant_rights: ['PREDICT'],
      grant_ends_at: null,
      is_for_sale: false,
      subscription_id: null,
      subscription_terms: null,
    };
    expect(entitlementFactsFromRow(row)).toEqual(facts('PRIVATE', 'VIEW', ['PREDICT']));
  });
});

describe('a subscription', () => {
  const subscription = {
    id: 'sub_1',
    terms: {
      currency: 'EUR',
      pricePerThousandMicros: 5_000,
      pricePerComputeSecondMicros: 0,
      freePredictionsPerMonth: 0,
      tiers: [],
    },
  };
  const who = actor('ten_other', 'PREDICTION_RUN');

  it('is the ground for running what is only shown to everybody, and brings its terms', () => {
    const entitlement = entitlementFor(who, { ...facts('PUBLIC', 'VIEW'), subscription }, 'PREDICT');
    expect(entitlement).toMatchObject({ ok: true, value: { basis: 'SUBSCRIPTION', subscription } });
  });

  it('is weaker than a grant, for which nothing is asked, and stronger than what everybody may do', () => {
    const granted = entitlementFor(who, { ...facts('PUBLIC', 'VIEW', ['PREDICT']), subscription }, 'PREDICT');
    expect(granted).toMatchObject({ ok: true, value: { basis: 'GRANT', subscription: null } });
    const open = entitlementFor(who, { ...facts('PUBLIC', 'PREDICT'), subscription }, 'PREDICT');
    expect(open).toMatchObject({ ok: true, value: { basis: 'SUBSCRIPTION', subscription } });
  });

  it('opens no model that its owner has closed', () => {
    const closed = entitlementFor(who, { ...facts('PRIVATE', 'PREDICT'), subscription }, 'PREDICT');
    expect(closed).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
  });

  it('is named to whoever lacks it, where there is a plan to take', () => {
    const forSale = entitlementFor(who, { ...facts('PUBLIC', 'VIEW'), isForSale: true }, 'PREDICT');
    expect(forSale).toMatchObject({ ok: false, error: { code: 'NOT_ENTITLED' } });
    expect(!forSale.ok && forSale.error.message).toContain('Subscribe to one of its plans');
    const notForSale = entitlementFor(who, facts('PUBLIC', 'VIEW'), 'PREDICT');
    expect(!notForSale.ok && notForSale.error.message).not.toContain('Subscribe');
  });
});
