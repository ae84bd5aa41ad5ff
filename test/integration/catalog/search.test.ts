import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { fullNameOf, type ModelOrder, type SearchModelsInput } from '../../../src/domain/catalog/index.js';
import { newId } from '../../../src/lib/ids.js';
import { keyOf } from '../../support/actors.js';
import { accepted, createCatalogWorld, refusalCode, type CatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

let world: CatalogWorld;
beforeAll(async () => {
  world = createCatalogWorld(await createTestDatabase());
});
afterAll(() => world.stop());

const search = async (actor: TenantActor, input: SearchModelsInput = {}) =>
  accepted(await world.catalog.searchModels(actor, input));

const names = async (actor: TenantActor, input: SearchModelsInput = {}) =>
  (await search(actor, input)).page.items.map((model) => fullNameOf(model));

/** All pages, one after the other; `between` happens after each page but the last. */
async function allPages(actor: TenantActor, input: SearchModelsInput, between?: () => Promise<unknown>) {
  const found: string[] = [];
  for (let after: string | null = null; ;) {
    const { page } = await search(actor, { ...input, after });
    found.push(...page.items.map((model) => fullNameOf(model)));
    if (!page.hasNextPage) return found;
    after = page.cursors.at(-1) ?? null;
    await between?.();
  }
}

describe('what a list shows', () => {
  let owner: TenantActor;
  let friend: TenantActor;
  let stranger: TenantActor;

  beforeAll(async () => {
    owner = await world.tenant('list-owner');
    friend = await world.tenant('list-friend');
    stranger = await world.tenant('list-stranger');
    for (const visibility of ['PRIVATE', 'UNLISTED', 'PUBLIC'] as const) {
      const kind = `is-${visibility.toLowerCase()}`;
      for (const granted of [false, true]) {
        for (const archived of [false, true]) {
          const name = `${kind}${granted ? '-granted' : ''}${archived ? '-archived' : ''}`;
          const { id } = await world.model(owner, { name, visibility });
          if (granted) {
            const input = { modelId: id, granteeSlug: 'list-friend', rights: ['DOWNLOAD'] as const };
            accepted(await world.sharing.grantAccess(owner, input));
          }
          if (archived) accepted(await world.catalog.archiveModel(owner, id));
        }
      }
    }
  });

  const listed = async (actor: TenantActor, filter: SearchModelsInput['filter'] = {}) =>
    (await names(actor, { filter: { ...filter, owner: 'list-owner' }, orderBy: 'NAME' })).map(
      (name) => name.split('/')[1],
    );

  it('is, to strangers, only what is PUBLIC and not archived', async () => {
    expect(await listed(stranger)).toEqual(['is-public', 'is-public-granted']);
    expect(await listed(stranger, { includeArchived: true })).toEqual(['is-public', 'is-public-granted']);
    expect(await listed(stranger, { visibility: 'UNLISTED' })).toEqual([]);
    expect(await listed(stranger, { visibility: 'PRIVATE' })).toEqual([]);
  });

  it('is, to a tenant with a grant, the granted private models too, but nothing unlisted or archived', async () => {
    expect(await listed(friend, { includeArchived: true })).toEqual([
      'is-private-granted',
      'is-public',
      'is-public-granted',
    ]);
    expect(await listed(keyOf(friend, 'PREDICTION_RUN'))).toEqual(['is-public', 'is-public-granted']);
  });

  it('is, to the owner, everything, archived models only when asked for', async () => {
    expect(await listed(owner)).toHaveLength(6);
    expect(await listed(owner, { includeArchived: true })).toHaveLength(12);
    expect(await listed(keyOf(owner, 'MODEL_READ'), { includeArchived: true })).toHaveLength(12);
    expect(await listed(keyOf(owner), { includeArchived: true })).toEqual(['is-public', 'is-public-granted']);
  });

  it('can be narrowed to what one holds a right for', async () => {
    expect(await listed(stranger, { right: 'PREDICT' })).toEqual(['is-public', 'is-public-granted']);
    expect(await listed(stranger, { right: 'DOWNLOAD' })).toEqual([]);
    expect(await listed(friend, { right: 'DOWNLOAD' })).toEqual(['is-private-granted', 'is-public-granted']);
    expect(await listed(friend, { right: 'PREDICT' })).toEqual(['is-public', 'is-public-granted']);
    expect(await listed(owner, { right: 'DOWNLOAD' })).toHaveLength(6);
  });

  it('carries the asker’s own grant and no card; loading by id brings the card', async () => {
    const { page } = await search(friend, { filter: { owner: 'list-owner' }, orderBy: 'NAME' });
    expect(page.items.map((model) => model.grantRights)).toEqual([['DOWNLOAD'], [], ['DOWNLOAD']]);
    expect(page.items.every((model) => model.card === null)).toBe(true);
    const [loaded] = await world.catalog.getModelsByIds(friend, [page.items[0]?.id ?? '']);
    expect(loaded?.card).toBe('');
  });

  it('leaves unlisted and archived models reachable by name and id for those who may see them', async () => {
    expect((await world.catalog.findModel(stranger, 'list-owner', 'is-unlisted'))?.name).toBe('is-unlisted');
    expect((await world.catalog.findModel(keyOf(stranger), 'list-owner', 'is-unlisted'))?.name).toBe(
      'is-unlisted',
    );
    expect((await world.catalog.findModel(stranger, 'list-owner', 'is-public-archived'))?.name).toBeDefined();
    expect(await world.catalog.findModel(stranger, 'list-owner', 'is-private')).toBeNull();
    expect(await world.catalog.findModel(stranger, 'list-owner', 'is-private-granted')).toBeNull();
    expect((await world.catalog.findModel(friend, 'list-owner', 'is-private-granted'))?.name).toBeDefined();
    expect(await world.catalog.findModel(keyOf(friend), 'list-owner', 'is-private-granted')).toBeNull();
    expect(await world.catalog.findModel(keyOf(owner), 'list-owner', 'is-private')).toBeNull();
    expect(await world.catalog.findModel(owner, 'list-owner\u0000', 'is-private')).toBeNull();
  });
});

describe('a search text', () => {
  let acme: TenantActor;
  const mine = (text: string) => names(acme, { search: text, filter: { owner: 'words-acme' } });

  beforeAll(async () => {
    acme = await world.tenant('words-acme');
    const model = (name: string, more: object) => world.model(acme, { name, visibility: 'PUBLIC', ...more });
    await model('digits', { summary: 'Handwritten numerals, v1.5', task: 'image-classification' });
    await model('digits-old', { summary: 'The digits of before' });
    await model('faces', {
      tags: ['computer-vision'],
      card: 'Compared with digits at http://x.example/path_a',
    });
    await model('ecole', { summary: 'L’École “polytechnique” – 日本語 C++' });
  });

  it('finds words in name, owner, summary, tags, task and card', async () => {
    expect(await mine('numerals')).toEqual(['words-acme/digits']);
    expect(await mine('classification')).toEqual(['words-acme/digits']);
    expect(await mine('vision')).toEqual(['words-acme/faces']);
    expect(await mine('words-acme')).toHaveLength(4);
    expect(await mine('compared')).toEqual(['words-acme/faces']);
  });

  it('finds unfinished words, in any case and order, and wants all of them', async () => {
    expect(await mine('NUMER hand')).toEqual(['words-acme/digits']);
    expect(await mine('digits numerals nothing')).toEqual([]);
    expect(await mine('igits')).toEqual([]);
  });

  it('finds parts of versions, addresses and quoted words, and words beyond ASCII', async () => {
    expect(await mine('v1.5')).toEqual(['words-acme/digits']);
    expect(await mine('5 numerals')).toEqual(['words-acme/digits']);
    expect(await mine('path_a example')).toEqual(['words-acme/faces']);
    expect(await mine('école')).toEqual(['words-acme/ecole']);
    expect(await mine('ÉCOLE polytechnique')).toEqual(['words-acme/ecole']);
    expect(await mine('日本')).toEqual(['words-acme/ecole']);
    expect(await mine('e\u0301cole')).toEqual(['words-acme/ecole']);
  });

  it('puts the model of exactly that name first, then names before summaries before cards', async () => {
    expect(await mine('digits')).toEqual(['words-acme/digits', 'words-acme/digits-old', 'words-acme/faces']);
    expect((await mine('words-acme/digits-old'))[0]).toBe('words-acme/digits-old');
  });

  it.each([
    "'",
    '\\',
    ':*',
    "digits':* | zzz",
    '!zzz',
    '((',
    '<->',
    '\u0000',
    '&&',
    "'); DROP TABLE models; --",
    '%_',
  ])('is no query language: %j finds nothing and breaks nothing', async (text) => {
    expect(await mine(text)).toEqual([]);
  });
});

describe('the orders', () => {
  let acme: TenantActor;
  let expected: string[];
  let added = 0;

  beforeAll(async () => {
    acme = await world.tenant('order-acme');
    const twin = await world.tenant('order-twin');
    for (let i = 0; i < 23; i++) {
      const owner = i % 3 === 0 ? twin : acme;
      const name = `paging-${['b', 'a', 'c'][i % 3]}${i}`;
      const summary = i % 4 === 0 ? 'paging paging' : '';
      await world.model(owner, { name, visibility: 'PUBLIC', summary });
    }
    // Ties in every key that can tie: ids must break them.
    await world.asOwner(
      `UPDATE models SET created_at = '2026-01-01', updated_at = '2026-02-02' WHERE name LIKE 'paging-%'
         AND substring(name from '[0-9]+')::int % 2 = 0`,
    );
    expected = (await names(acme, { search: 'paging', first: 100 })).sort();
    expect(expected).toHaveLength(23);
  });

  const ORDERS: ModelOrder[] = ['RELEVANCE', 'NEWEST', 'UPDATED', 'NAME'];

  it.each(ORDERS)('%s pages through everything exactly once', async (orderBy) => {
    const whole = await names(acme, { search: 'paging', orderBy, first: 100 });
    for (const first of [1, 4, 23]) {
      expect(await allPages(acme, { search: 'paging', orderBy, first })).toEqual(whole);
    }
    expect([...whole].sort()).toEqual(expected);
  });

  it.each(ORDERS)('%s stays in step while models are added', async (orderBy) => {
    const seen = await allPages(acme, { search: 'paging', orderBy, first: 5 }, () =>
      world.model(acme, { name: `paging-new${++added}`, visibility: 'PUBLIC' }),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(expected));
  });

  it('are what they say', async () => {
    const byName = await names(acme, { search: 'paging', orderBy: 'NAME', first: 100 });
    expect(byName).toEqual([...byName].sort());
    const newest = (await search(acme, { search: 'paging', orderBy: 'NEWEST', first: 100 })).page.items;
    const created = newest.map((model) => model.createdAt.getTime());
    expect(created).toEqual([...created].sort((a, b) => b - a));
    const updated = (await search(acme, { search: 'paging', orderBy: 'UPDATED', first: 100 })).page.items;
    const changed = updated.map((model) => model.updatedAt.getTime());
    expect(changed).toEqual([...changed].sort((a, b) => b - a));
    expect(await names(acme, { first: 100 })).toEqual(await names(acme, { orderBy: 'NEWEST', first: 100 }));
  });

  it('put a model that has changed first in UPDATED', async () => {
    const last = (
      await search(acme, { filter: { owner: 'order-acme' }, orderBy: 'UPDATED', first: 100 })
    ).page.items.at(-1);
    accepted(await world.catalog.updateModel(acme, { modelId: last?.id ?? '', task: 'text' }));
    expect((await search(acme, { orderBy: 'UPDATED', first: 1 })).page.items[0]?.id).toBe(last?.id);
  });

  it('refuse a cursor of another list, and sizes out of bounds', async () => {
    const { page } = await search(acme, { search: 'paging', orderBy: 'NAME', first: 1 });
    const after = page.cursors[0] ?? '';
    for (const input of [
      { orderBy: 'NAME', after },
      { search: 'paging', after },
    ] as const) {
      expect(refusalCode(await world.catalog.searchModels(acme, input))).toBe('INVALID_INPUT');
    }
    for (const first of [0, 101, 1.5]) {
      expect(refusalCode(await world.catalog.searchModels(acme, { first }))).toBe('INVALID_INPUT');
    }
  });
});

describe('count and facets', () => {
  it('cover every match and nothing that the asker may not find', async () => {
    const acme = await world.tenant('facet-acme');
    const other = await world.tenant('facet-other');
    for (let i = 0; i < 30; i++) {
      await world.model(acme, {
        name: `facet-${i}`,
        summary: 'facetted',
        visibility: i < 25 ? 'PUBLIC' : 'PRIVATE',
        tags: ['all', `tag-${i}`, ...(i % 2 === 0 ? ['even'] : [])],
        task: i % 5 === 0 ? 'text' : 'image',
        licence: i < 10 ? 'MIT' : null,
      });
    }
    const found = await search(other, { search: 'facetted', first: 3 });
    const { totalCount, facets } = await found.summary();
    expect(totalCount).toBe(25);
    expect(facets.tasks).toEqual([
      { value: 'image', count: 20 },
      { value: 'text', count: 5 },
    ]);
    expect(facets.tags).toHaveLength(20);
    expect(facets.tags.slice(0, 3)).toEqual([
      { value: 'all', count: 25 },
      { value: 'even', count: 13 },
      { value: 'tag-0', count: 1 },
    ]);
    expect(facets.licences).toEqual([{ value: 'MIT', count: 10 }]);
    expect(facets.owners).toEqual([{ value: 'facet-acme', count: 25 }]);
    expect((await (await search(acme, { search: 'facetted' })).summary()).totalCount).toBe(30);

    const narrowed = await search(other, {
      search: 'facetted',
      filter: { tags: ['all', 'even'], task: 'image', licence: 'mit', owner: 'facet-acme' },
    });
    expect((await narrowed.summary()).totalCount).toBe(4);
    expect(narrowed.page.items.map((model) => model.name).sort()).toEqual([
      'facet-2',
      'facet-4',
      'facet-6',
      'facet-8',
    ]);
  });

  it('are zero for what cannot match', async () => {
    const acme = await world.tenant('facet-none');
    const found = await search(acme, { filter: { licence: 'no-such' } });
    expect(found.page.items).toEqual([]);
    expect((await found.summary()).totalCount).toBe(0);
  });
});

describe('getModelsByIds', () => {
  it('answers in the order of the ids, with null for what is not there or not theirs to see', async () => {
    const acme = await world.tenant('ids-acme');
    const other = await world.tenant('ids-other');
    const hidden = await world.model(acme, { name: 'hidden' });
    const open = await world.model(acme, { name: 'open', visibility: 'UNLISTED' });
    const ids = [open.id, 'nonsense\u0000', hidden.id, newId('model'), open.id];
    const found = await world.catalog.getModelsByIds(other, ids);
    expect(found.map((model) => model?.id ?? null)).toEqual([open.id, null, null, null, open.id]);
    expect(await world.catalog.getModelsByIds(other, [])).toEqual([]);
  });
});
