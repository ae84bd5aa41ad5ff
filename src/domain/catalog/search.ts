/** What `models` is asked for, checked: words, filter, order and place. */
import { createHash } from 'node:crypto';
import { kindOfId } from '../../lib/ids.js';
import { parsePageRequest, type PageRequest } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';
import { canonicalLicence } from './licence.js';
import type { Model, Right, Visibility } from './model.js';
import { checkSearch } from './search-words.js';
import { MAX_TAGS } from './validation.js';

export type ModelOrder = 'RELEVANCE' | 'NEWEST' | 'UPDATED' | 'NAME';

type Maybe<T> = T | null | undefined;

export interface ModelFilter {
  readonly owner?: Maybe<string>;
  readonly tags?: Maybe<readonly string[]>;
  readonly task?: Maybe<string>;
  readonly licence?: Maybe<string>;
  readonly visibility?: Maybe<Visibility>;
  readonly right?: Maybe<Right>;
  readonly includeArchived?: Maybe<boolean>;
}

export interface SearchModelsInput {
  readonly search?: Maybe<string>;
  readonly filter?: Maybe<ModelFilter>;
  readonly orderBy?: Maybe<ModelOrder>;
  readonly first?: Maybe<number>;
  readonly after?: Maybe<string>;
}

/** A list entry and the rank that placed it (0 without a search text). */
export interface RankedModel {
  readonly model: Model;
  readonly rank: number;
}

export interface ModelSearch {
  /** Lower case, only letters and digits; empty: no search text. */
  readonly words: readonly string[];
  /** The search text when it could be a name, or a full name: its model comes first. */
  readonly exactName: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  readonly task: string | null;
  readonly licence: string | null;
  readonly visibility: Visibility | null;
  readonly right: Right | null;
  readonly includeArchived: boolean;
  /** RELEVANCE only with words. */
  readonly order: ModelOrder;
  /** Names order and words in cursors, so that a cursor of another search is refused. */
  readonly sort: string;
  readonly page: PageRequest;
  /** Something was asked for that no model can have: the answer is empty without a query. */
  readonly isImpossible: boolean;
}

const LABEL = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const NAME_OR_FULL_NAME = /^(?:[a-z0-9-]+\/)?[a-z0-9]+(?:[-._][a-z0-9]+)*$/;

/** A value that no model can have never reaches the database: not a NUL, nor anything else that it would refuse. */
function label(value: Maybe<string>): { value: string | null; isImpossible: boolean } {
  if (value === null || value === undefined) return { value: null, isImpossible: false };
  const text = value.trim().toLowerCase();
  return { value: text, isImpossible: !LABEL.test(text) };
}

/** Checks the whole request. Refuses what is malformed; what merely cannot match gives an empty answer. */
export function checkSearchInput(input: SearchModelsInput): Result<ModelSearch, InvalidInput> {
  const checked = checkSearch(input.search);
  if (!checked.ok) return checked;
  const words = checked.value ?? [];
  const filter = input.filter ?? {};
  if ((filter.tags?.length ?? 0) > MAX_TAGS) {
    return refuse(invalidInput(['filter', 'tags'], `A model has at most ${MAX_TAGS} tags.`));
  }
  const owner = label(filter.owner);
  const task = label(filter.task);
  const tags = (filter.tags ?? []).map(label);
  const askedLicence = filter.licence ?? null;
  const licence = askedLicence === null ? null : canonicalLicence(askedLicence.trim());
  const asked = input.orderBy ?? 'RELEVANCE';
  const order = asked === 'RELEVANCE' && words.length === 0 ? 'NEWEST' : asked;
  const sort = words.length === 0 ? order : `${order}:${digestOf(words)}`;
  const page = parsePageRequest(sort, 2, input, (key) => isKeyOf(order, key));
  if (!page.ok) return page;
  const text = (input.search ?? '').trim().toLowerCase();
  return ok({
    words,
    exactName: NAME_OR_FULL_NAME.test(text) ? text : null,
    owner: owner.value,
    tags: tags.map((tag) => tag.value ?? ''),
    task: task.value,
    licence,
    visibility: filter.visibility ?? null,
    right: filter.right ?? null,
    includeArchived: filter.includeArchived ?? false,
    order,
    sort,
    page: page.value,
    isImpossible:
      checked.value === null ||
      [owner, task, ...tags].some((one) => one.isImpossible) ||
      (askedLicence !== null && licence === null),
  });
}

function digestOf(words: readonly string[]): string {
  return createHash('sha256').update(words.join(' ')).digest('base64url').slice(0, 10);
}

/** The values of the sort key of a list entry; with the id or the full name, no two are the same. */
export function sortKeyOf(order: ModelOrder, { model, rank }: RankedModel): readonly (string | number)[] {
  switch (order) {
    case 'RELEVANCE':
      return [rank, model.id];
    case 'NEWEST':
      return [model.createdAt.toISOString(), model.id];
    case 'UPDATED':
      return [model.updatedAt.toISOString(), model.id];
    case 'NAME':
      return [model.ownerSlug, model.name];
  }
}

/** A cursor is a client's text: a forged one must not reach the database with values that it cannot read. */
function isKeyOf(order: ModelOrder, [first, second]: readonly (string | number)[]): boolean {
  if (typeof second !== 'string') return false;
  switch (order) {
    case 'RELEVANCE':
      return typeof first === 'number' && first >= 0 && first <= 100 && kindOfId(second) === 'model';
    case 'NEWEST':
    case 'UPDATED':
      return (
        typeof first === 'string' &&
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(first) &&
        !Number.isNaN(Date.parse(first)) &&
        kindOfId(second) === 'model'
      );
    case 'NAME':
      return typeof first === 'string' && LABEL.test(first) && NAME_OR_FULL_NAME.test(second);
  }
}
