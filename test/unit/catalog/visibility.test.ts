import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PERMISSIONS, type Permission, type TenantActor } from '../../../src/domain/access/index.js';
import {
  basisOfRight,
  isListed,
  isVisible,
  RIGHTS,
  tenantRights,
  viewerCanEdit,
  viewerRights,
  VISIBILITIES,
  type Right,
  type Visibility,
} from '../../../src/domain/catalog/index.js';
import { entitlementFor } from '../../../src/domain/marketplace/index.js';

const OWNER = 'ten_owner';
const OTHER = 'ten_other';

function actor(tenantId: string, permissions: readonly Permission[] = PERMISSIONS): TenantActor {
  return { kind: 'apiKey', apiKeyId: 'key', tenantId, permissions: new Set(permissions), requestId: 'req' };
}

function model(visibility: Visibility, publicAccess: Right, grantRights: readonly Right[] = []) {
  return { tenantId: OWNER, visibility, publicAccess, grantRights, isSubscribed: false, archivedAt: null };
}

/** Every subset of the rights. */
const GRANTS = Array.from({ length: 8 }, (_, bits) => RIGHTS.filter((_right, i) => bits & (1 << i)));

describe('the rights of a tenant', () => {
  it('are all of them for the owner, whatever is said about the model', () => {
    for (const visibility of VISIBILITIES) {
      for (const level of RIGHTS) expect(tenantRights(model(visibility, level), OWNER, [])).toEqual(RIGHTS);
    }
  });

  it.each([
    ['VIEW', ['VIEW']],
    ['PREDICT', ['VIEW', 'PREDICT']],
    ['DOWNLOAD', ['VIEW', 'PREDICT', 'DOWNLOAD']],
  ] as const)('follow publicAccess as a level: %s gives %j while PUBLIC or UNLISTED', (level, rights) => {
    expect(tenantRights(model('PUBLIC', level), OTHER, [])).toEqual(rights);
    expect(tenantRights(model('UNLISTED', level), OTHER, [])).toEqual(rights);
    expect(tenantRights(model('PRIVATE', level), OTHER, [])).toEqual([]);
  });

  it('follow a grant as a set in which each right includes VIEW and no other', () => {
    const private_ = model('PRIVATE', 'DOWNLOAD');
    expect(tenantRights(private_, OTHER, [])).toEqual([]);
    expect(tenantRights(private_, OTHER, ['VIEW'])).toEqual(['VIEW']);
    expect(tenantRights(private_, OTHER, ['PREDICT'])).toEqual(['VIEW', 'PREDICT']);
    expect(tenantRights(private_, OTHER, ['DOWNLOAD'])).toEqual(['VIEW', 'DOWNLOAD']);
    expect(tenantRights(private_, OTHER, ['PREDICT', 'DOWNLOAD'])).toEqual(RIGHTS);
  });

  it('never shrink by a grant, and any right brings VIEW (all 72 combinations for a stranger)', () => {
    let combinations = 0;
    for (const visibility of VISIBILITIES) {
      for (const level of RIGHTS) {
        for (const grant of GRANTS) {
          const without = tenantRights(model(visibility, level), OTHER, []);
          const rights = tenantRights(model(visibility, level), OTHER, grant);
          expect(rights).toEqual(expect.arrayContaining([...without, ...grant]));
          if (rights.length > 0) expect(rights[0]).toBe('VIEW');
          if (visibility === 'PRIVATE' && grant.length === 0) expect(rights).toEqual([]);
          combinations++;
        }
      }
    }
    expect(combinations).toBe(72);
  });

  it('name the strongest ground', () => {
    expect(basisOfRight(model('PUBLIC', 'PREDICT'), OWNER, [], 'PREDICT')).toBe('OWNER');
    expect(basisOfRight(model('PUBLIC', 'PREDICT'), OTHER, ['PREDICT'], 'PREDICT')).toBe('GRANT');
    expect(basisOfRight(model('PUBLIC', 'PREDICT'), OTHER, ['VIEW'], 'PREDICT')).toBe('PUBLIC');
    expect(basisOfRight(model('PUBLIC', 'PREDICT'), OTHER, ['VIEW'], 'DOWNLOAD')).toBeNull();
  });
});

describe('an actor', () => {
  it('needs MODEL_READ to see private models, its own and granted ones, and nothing to see public ones', () => {
    const bare = actor(OWNER, []);
    expect(isVisible(bare, model('PRIVATE', 'PREDICT'))).toBe(false);
    expect(isVisible(bare, model('UNLISTED', 'VIEW'))).toBe(true);
    expect(isVisible(actor(OWNER, ['MODEL_READ']), model('PRIVATE', 'PREDICT'))).toBe(true);
    expect(isVisible(actor(OTHER, []), model('PRIVATE', 'PREDICT', ['PREDICT']))).toBe(false);
    expect(isVisible(actor(OTHER, ['MODEL_READ']), model('PRIVATE', 'PREDICT', ['PREDICT']))).toBe(true);
    expect(isVisible(actor(OTHER), model('PRIVATE', 'DOWNLOAD'))).toBe(false);
  });

  it('never finds unlisted models of others in a list, not even granted ones', () => {
    expect(isListed(actor(OTHER), model('UNLISTED', 'DOWNLOAD', ['PREDICT']), true)).toBe(false);
    expect(isListed(actor(OWNER), model('UNLISTED', 'VIEW'), false)).toBe(true);
    expect(isListed(actor(OWNER, []), model('UNLISTED', 'VIEW'), false)).toBe(false);
  });

  it('finds archived models only among its own, and only when asking for them', () => {
    const archived = { ...model('PUBLIC', 'PREDICT'), archivedAt: new Date() };
    expect(isListed(actor(OWNER), archived, false)).toBe(false);
    expect(isListed(actor(OWNER), archived, true)).toBe(true);
    expect(isListed(actor(OWNER, []), archived, true)).toBe(false);
    expect(isListed(actor(OTHER), archived, true)).toBe(false);
  });

  it('gives a subscriber PREDICT on what it sees anyway, and nothing else', () => {
    const subscribed = { ...model('PUBLIC', 'VIEW'), isSubscribed: true };
    expect(viewerRights(actor(OTHER), subscribed)).toEqual(['VIEW', 'PREDICT']);
    expect(basisOfRight(subscribed, OTHER, [], 'PREDICT', true)).toBe('SUBSCRIPTION');
    expect(basisOfRight(model('PUBLIC', 'DOWNLOAD'), OTHER, [], 'PREDICT', true)).toBe('SUBSCRIPTION');
    expect(basisOfRight(subscribed, OTHER, ['PREDICT'], 'PREDICT', true)).toBe('GRANT');
    expect(basisOfRight(subscribed, OWNER, [], 'PREDICT', true)).toBe('OWNER');
    expect(tenantRights(model('PRIVATE', 'VIEW'), OTHER, [], true)).toEqual([]);
    expect(tenantRights(model('PRIVATE', 'VIEW'), OTHER, ['VIEW'], true)).toEqual(['VIEW', 'PREDICT']);
  });

  it('may edit only models of its tenant, with MODEL_WRITE', () => {
    expect(viewerCanEdit(actor(OWNER), model('PUBLIC', 'PREDICT'))).toBe(true);
    expect(viewerCanEdit(actor(OWNER, ['MODEL_READ']), model('PUBLIC', 'PREDICT'))).toBe(false);
    expect(viewerCanEdit(actor(OTHER), model('PUBLIC', 'DOWNLOAD', ['DOWNLOAD']))).toBe(false);
  });
});

const anyModel = fc.record({
  visibility: fc.constantFrom(...VISIBILITIES),
  publicAccess: fc.constantFrom(...RIGHTS),
  grantRights: fc.subarray([...RIGHTS]),
  isSubscribed: fc.boolean(),
});
const TERMS = {
  currency: 'EUR',
  pricePerThousandMicros: 1000,
  pricePerComputeSecondMicros: 0,
  freePredictionsPerMonth: 0,
  tiers: [],
};
const anyActor = fc
  .tuple(fc.constantFrom(OWNER, OTHER), fc.subarray([...PERMISSIONS]))
  .map(([tenantId, permissions]) => actor(tenantId, permissions));

describe('viewerRights', () => {
  it('lists exactly the rights that entitlementFor allows, on every model that the actor sees', () => {
    fc.assert(
      fc.property(anyModel, anyActor, (facts, who) => {
        // An owner has no grant on its own models.
        const seen = { ...model('PRIVATE', 'VIEW'), ...facts };
        fc.pre(isVisible(who, seen));
        const subscription = seen.isSubscribed ? { id: 'sub', terms: TERMS } : null;
        const all = { model: seen, ...seen, subscription, isForSale: true };
        const allowed = RIGHTS.filter((right) => entitlementFor(who, all, right).ok);
        expect(viewerRights(who, seen)).toEqual(allowed);
      }),
    );
  });

  it('never holds more than the tenant does, and what is listed is visible', () => {
    fc.assert(
      fc.property(
        anyModel,
        anyActor,
        fc.boolean(),
        fc.boolean(),
        (facts, who, isArchived, includeArchived) => {
          const one = { ...model('PRIVATE', 'VIEW'), ...facts, archivedAt: isArchived ? new Date() : null };
          const rights = tenantRights(one, who.tenantId, one.grantRights, one.isSubscribed);
          expect(rights).toEqual(expect.arrayContaining([...viewerRights(who, one)]));
          if (isListed(who, one, includeArchived)) expect(isVisible(who, one)).toBe(true);
          if (isVisible(who, one)) expect(rights).toContain('VIEW');
        },
      ),
    );
  });
});
