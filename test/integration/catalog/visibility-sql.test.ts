/** The pure rule and its SQL twin must answer alike: compared on every combination, with row-level security underneath. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PERMISSIONS, type Permission, type TenantActor } from '../../../src/domain/access/index.js';
import {
  isListed,
  isVisible,
  RIGHTS,
  tenantRights,
  VISIBILITIES,
  type Model,
} from '../../../src/domain/catalog/index.js';
import { newId } from '../../../src/lib/ids.js';
import { keyOf } from '../../support/actors.js';
import { createCatalogWorld, type CatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

let world: CatalogWorld;
let owner: TenantActor;
let grantee: TenantActor;
let subscriber: TenantActor;
let stranger: TenantActor;
let models: Model[];

type GrantState = 'IN_FORCE' | 'EXPIRED' | 'REVOKED';
const GRANTS = Array.from({ length: 8 }, (_, bits) => RIGHTS.filter((_right, i) => bits & (1 << i)));
/** By the grantee; the subscriber is to all. */
const subscribed = new Set<string>();
const expectedGrant = new Map<string, readonly (typeof RIGHTS)[number][]>();

beforeAll(async () => {
  world = createCatalogWorld(await createTestDatabase());
  owner = await world.tenant('owner');
  grantee = await world.tenant('grantee');
  subscriber = await world.tenant('subscriber');
  stranger = await world.tenant('stranger');
  // As the owner of the tables, in one statement each: 432 models by the service would take a minute.
  const rows = VISIBILITIES.flatMap((visibility) =>
    RIGHTS.flatMap((publicAccess) =>
      GRANTS.flatMap((rights) =>
        (['IN_FORCE', 'EXPIRED', 'REVOKED'] as GrantState[]).flatMap((state) =>
          [false, true].map((archived) => ({
            id: newId('model'),
            grant: newId('grant'),
            visibility,
            publicAccess,
            rights,
            state,
            archived,
          })),
        ),
      ),
    ),
  );
  await world.asOwner(
    `INSERT INTO models (id, tenant_id, owner_slug, name, visibility, public_access, archived_at)
     SELECT r->>'id', $2, 'owner', 'model-' || n, r->>'visibility', r->>'publicAccess',
       CASE WHEN (r->>'archived')::boolean THEN now() END
     FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e (r, n)`,
    [JSON.stringify(rows), owner.tenantId],
  );
  await world.asOwner(
    `INSERT INTO grants (id, tenant_id, model_id, grantee_tenant_id, rights, expires_at, revoked_at)
     SELECT r->>'grant', $2, r->>'id', $3, ARRAY(SELECT jsonb_array_elements_text(r->'rights')),
       CASE r->>'state' WHEN 'EXPIRED' THEN now() - interval '1 minute' ELSE now() + interval '1 hour' END,
       CASE WHEN r->>'state' = 'REVOKED' THEN now() END
     FROM jsonb_array_elements($1::jsonb) AS e (r) WHERE jsonb_array_length(r->'rights') > 0`,
    [JSON.stringify(rows), owner.tenantId, grantee.tenantId],
  );
  // The subscriber has a plan of every model; the grantee of every third, and had one of the others.
  await world.asOwner(
    `WITH made AS (
       INSERT INTO plans (id, tenant_id, model_id, name, currency, price_per_thousand_micros,
         price_per_compute_second_micros, free_predictions_per_month)
       SELECT 'pln-' || id, tenant_id, id, 'p', 'EUR', 0, 0, 0 FROM models RETURNING id, model_id, tenant_id
     )
     INSERT INTO subscriptions (id, tenant_id, plan_id, model_id, owner_tenant_id, subscribed_at, cancelled_at)
     SELECT 'sub-' || t.id || made.id, t.id, made.id, model_id, tenant_id, now(),
       CASE WHEN t.id = $2 AND NOT made.model_id = ANY ($3) THEN now() END
     FROM made CROSS JOIN unnest(ARRAY[$1, $2]) AS t (id)`,
    [subscriber.tenantId, grantee.tenantId, rows.filter((_, i) => i % 3 === 0).map(({ id }) => id)],
  );
  rows.forEach(({ id }, i) => i % 3 === 0 && subscribed.add(id));
  for (const row of rows) expectedGrant.set(row.id, row.state === 'IN_FORCE' ? row.rights : []);
  models = (
    await world.catalog.getModelsByIds(
      owner,
      rows.map((row) => row.id),
    )
  ).flatMap((model) => (model === null ? [] : [model]));
});
afterAll(() => world.stop());

/** The model as the pure rule should see it for this tenant, from what the test wrote, not from what was read. */
function factsFor(actor: TenantActor, model: Model): Model {
  const isGrantee = actor.tenantId === grantee.tenantId;
  return {
    ...model,
    grantRights: isGrantee ? (expectedGrant.get(model.id) ?? []) : [],
    isSubscribed: actor.tenantId === subscriber.tenantId || (isGrantee && subscribed.has(model.id)),
  };
}

async function listedIds(actor: TenantActor, filter: object): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | null = null; ;) {
    const found = await world.catalog.searchModels(actor, { filter, first: 100, after });
    if (!found.ok) throw new Error(found.error.message);
    ids.push(...found.value.page.items.map((model) => model.id));
    if (!found.value.page.hasNextPage) return ids.sort();
    after = found.value.page.cursors.at(-1) ?? null;
  }
}

const PERMISSION_SETS: Permission[][] = [[...PERMISSIONS], ['MODEL_READ'], ['PREDICTION_RUN'], []];

it('agrees with the pure rule on 432 models for owner, grantee, subscriber and stranger under four sets of permissions', async () => {
  expect(models).toHaveLength(432);
  for (const tenant of [owner, grantee, subscriber, stranger]) {
    for (const permissions of PERMISSION_SETS) {
      const actor = keyOf(tenant, ...permissions);
      const facts = models.map((model) => factsFor(actor, model));

      const loaded = await world.catalog.getModelsByIds(
        actor,
        models.map((model) => model.id),
      );
      expect(loaded.map((model) => model?.id ?? null)).toEqual(
        facts.map((model) => (isVisible(actor, model) ? model.id : null)),
      );
      loaded.forEach((model, i) => {
        if (model === null) return;
        expect(model.grantRights).toEqual(facts[i]?.grantRights);
        expect(model.isSubscribed).toBe(facts[i]?.isSubscribed);
      });

      for (const includeArchived of [false, true]) {
        const listed = facts.filter((model) => isListed(actor, model, includeArchived));
        expect(await listedIds(actor, { includeArchived })).toEqual(listed.map(({ id }) => id).sort());
        for (const right of RIGHTS) {
          const held = listed.filter((model) =>
            tenantRights(model, actor.tenantId, model.grantRights, model.isSubscribed).includes(right),
          );
          expect(await listedIds(actor, { includeArchived, right })).toEqual(held.map(({ id }) => id).sort());
        }
      }
    }
  }
});
