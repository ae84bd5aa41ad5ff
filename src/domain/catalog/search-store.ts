/** The statements behind `models`. Texts are put together from constants; every value is a parameter. */
import type { SqlQuery } from '../../database/index.js';
import type { ModelOrder, ModelSearch, RankedModel } from './search.js';
import { toTsQuery } from './search-words.js';
import { fromRow, MODEL_COLUMNS, type ModelRow } from './store.js';
import {
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  IS_SUBSCRIBED_COLUMN,
  listedFor,
  subscriptionInForceJoin,
  tenantHoldsRight,
} from './visibility-sql.js';

export interface Facet {
  readonly value: string;
  readonly count: number;
}

/** How the matches of a search divide; each list holds the 20 most frequent values. */
export interface ModelFacets {
  readonly tasks: readonly Facet[];
  readonly tags: readonly Facet[];
  readonly licences: readonly Facet[];
  readonly owners: readonly Facet[];
}

export interface MatchSummary {
  readonly totalCount: number;
  readonly facets: ModelFacets;
}

const FACET_VALUES = 20;

/** Who asks, as far as lists depend on it. */
export interface ListViewer {
  readonly tenantId: string;
  readonly readsForTenant: boolean;
}

interface Matching {
  readonly from: string;
  readonly where: string;
  /** Stable while a model is not changed: it depends on nothing but the model and the words. */
  readonly rank: string;
  readonly parameters: unknown[];
}

function matching(viewer: ListViewer, search: ModelSearch): Matching {
  const parameters: unknown[] = [viewer.tenantId];
  const put = (value: unknown): string => `$${parameters.push(value)}`;
  const conditions = [listedFor('$1', viewer.readsForTenant, search.includeArchived)];
  if (search.owner !== null) conditions.push(`m.owner_slug = ${put(search.owner)}`);
  if (search.task !== null) conditions.push(`m.task = ${put(search.task)}`);
  if (search.licence !== null) conditions.push(`m.licence = ${put(search.licence)}`);
  if (search.visibility !== null) conditions.push(`m.visibility = ${put(search.visibility)}`);
  if (search.tags.length > 0) conditions.push(`m.tags @> ${put(search.tags)}::text[]`);
  if (search.right !== null) conditions.push(tenantHoldsRight(search.right, '$1'));
  let rank = '0::float4';
  if (search.words.length > 0) {
    const query = `to_tsquery('simple', ${put(toTsQuery(search.words))})`;
    conditions.push(`m.search_vector @@ ${query}`);
    rank = `ts_rank(m.search_vector, ${query})`;
    if (search.exactName !== null && search.order === 'RELEVANCE') {
      const exact = `${put(search.exactName)}::text`;
      rank = `(${rank} + (${exact} IN (m.name, m.owner_slug || '/' || m.name))::int)::float4`;
    }
  }
  return {
    from: `FROM models m ${grantInForceJoin('$1')} ${subscriptionInForceJoin('$1')}`,
    where: conditions.join(' AND '),
    rank,
    parameters,
  };
}

/** The same on every server, whatever the collation of its database. */
const OWNER = 'm.owner_slug COLLATE "C"';
const NAME = 'm.name COLLATE "C"';

function orderOf(
  order: ModelOrder,
  rank: string,
): { orderBy: string; key: string; after: '<' | '>'; cast: string } {
  switch (order) {
    case 'RELEVANCE':
      return { orderBy: `${rank} DESC, m.id DESC`, key: `(${rank}, m.id)`, after: '<', cast: 'float4' };
    case 'NEWEST':
      return {
        orderBy: 'm.created_at DESC, m.id DESC',
        key: '(m.created_at, m.id)',
        after: '<',
        cast: 'timestamptz',
      };
    case 'UPDATED':
      return {
        orderBy: 'm.updated_at DESC, m.id DESC',
        key: '(m.updated_at, m.id)',
        after: '<',
        cast: 'timestamptz',
      };
    case 'NAME':
      return { orderBy: `${OWNER}, ${NAME}`, key: `(${OWNER}, ${NAME})`, after: '>', cast: 'text' };
  }
}

/** One row more than the page, which tells whether another page follows. Without cards: they are long. */
export async function findMatches(
  query: SqlQuery,
  viewer: ListViewer,
  search: ModelSearch,
): Promise<RankedModel[]> {
  const { from, where, rank, parameters } = matching(viewer, search);
  const { orderBy, key, after, cast } = orderOf(search.order, rank);
  const put = (value: unknown): string => `$${parameters.push(value)}`;
  const place =
    search.page.after === null
      ? ''
      : ` AND ${key} ${after} (${put(search.page.after[0])}::${cast}, ${put(search.page.after[1])}::text)`;
  const rows = await query<ModelRow & { rank: number }>(
    `SELECT ${MODEL_COLUMNS}, ${GRANT_RIGHTS_COLUMN}, ${IS_SUBSCRIBED_COLUMN}, ${rank} AS rank ${from}
     WHERE ${where}${place} ORDER BY ${orderBy} LIMIT ${search.page.first + 1}`,
    parameters,
  );
  return rows.map((row) => ({ model: fromRow(row), rank: row.rank }));
}

/** Counts over everything that matches, not only over a page, in one statement. */
export async function summarizeMatches(
  query: SqlQuery,
  viewer: ListViewer,
  search: ModelSearch,
): Promise<MatchSummary> {
  const { from, where, parameters } = matching(viewer, { ...search, order: 'NEWEST' });
  const facet = (kind: string, value: string, source: string): string =>
    `(SELECT '${kind}' AS kind, ${value} AS value, count(*)::int AS count FROM ${source}
      WHERE ${value} IS NOT NULL GROUP BY ${value} ORDER BY count(*) DESC, ${value} COLLATE "C" LIMIT ${FACET_VALUES})`;
  const rows = await query<{ kind: string; value: string; count: number }>(
    `WITH matched AS MATERIALIZED (SELECT m.task, m.tags, m.licence, m.owner_slug ${from} WHERE ${where})
     (SELECT 'total' AS kind, '' AS value, count(*)::int AS count FROM matched)
     UNION ALL ${facet('tasks', 'task', 'matched')}
     UNION ALL ${facet('tags', 'tag', 'matched, unnest(tags) AS tag')}
     UNION ALL ${facet('licences', 'licence', 'matched')}
     UNION ALL ${facet('owners', 'owner_slug', 'matched')}`,
    parameters,
  );
  const facets = (kind: string): Facet[] =>
    rows
      .filter((row) => row.kind === kind)
      .map(({ value, count }) => ({ value, count }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return {
    totalCount: rows.find((row) => row.kind === 'total')?.count ?? 0,
    facets: {
      tasks: facets('tasks'),
      tags: facets('tags'),
      licences: facets('licences'),
      owners: facets('owners'),
    },
  };
}

/** What an impossible search amounts to. */
export const NO_MATCHES: MatchSummary = {
  totalCount: 0,
  facets: { tasks: [], tags: [], licences: [], owners: [] },
};
