/** What may be said about a model. Every mistake of one input is reported, each with its path. */
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';
import { canonicalLicence, nearestLicence } from './licence.js';
import { RIGHTS, VISIBILITIES, type Right, type Visibility } from './model.js';
import type { ModelProfile } from './store.js';

export const MAX_SUMMARY_CHARACTERS = 200;
export const MAX_CARD_CHARACTERS = 100_000;
export const MAX_TAGS = 20;
export const MAX_TAG_CHARACTERS = 40;

/** Words that stand where a model's name could, in addresses of today and of later. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(
  'about admin api artifacts billing catalog dashboard docs download edit grants graphql health help keys members metrics model models new none null plans predictions public search settings souk tenant tenants undefined uploads usage version versions'.split(
    ' ',
  ),
);

type Maybe<T> = T | null | undefined;

/** As a client sends it; `null` means the same as absent. */
export interface CreateModelInput {
  readonly name: string;
  readonly summary?: Maybe<string>;
  readonly card?: Maybe<string>;
  readonly licence?: Maybe<string>;
  readonly tags?: Maybe<readonly string[]>;
  readonly task?: Maybe<string>;
  readonly visibility?: Maybe<Visibility>;
  readonly publicAccess?: Maybe<Right>;
}

/** Absent: keep. Null: clear, for licence and task; a mistake for the others. */
export interface UpdateModelInput extends Omit<CreateModelInput, 'name'> {
  readonly modelId: string;
}

/** A name that is free of mistakes is still not free to take. */
export function checkName(raw: string): Result<string, InvalidInput> {
  const name = raw.trim();
  const path = ['name'];
  if (name.length < 2 || name.length > 60) {
    return refuse(invalidInput(path, `A name has 2 to 60 characters; this one has ${name.length}.`));
  }
  if (!/^[a-z0-9]+(?:[-._][a-z0-9]+)*$/.test(name)) {
    return refuse(
      invalidInput(
        path,
        'A name consists of lower-case letters and digits, with single hyphens, dots or underscores between them.',
      ),
    );
  }
  if (RESERVED_NAMES.has(name)) return refuse(invalidInput(path, `The name "${name}" is reserved.`));
  return ok(name);
}

/** Trimmed; one line. */
export function checkSummary(raw: string): Result<string, InvalidInput> {
  const summary = raw.normalize('NFC').trim();
  const path = ['summary'];
  if (summary.length > MAX_SUMMARY_CHARACTERS) {
    const found = `this one has ${summary.length}`;
    return refuse(
      invalidInput(path, `A summary has at most ${MAX_SUMMARY_CHARACTERS} characters; ${found}.`),
    );
  }
  // Direction overrides could make a line read as something else in a list of strangers' models.
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(summary)) {
    return refuse(invalidInput(path, 'A summary is one line of text without control characters.'));
  }
  return ok(summary);
}

/** Not trimmed: white space means something in Markdown. Composed (NFC) like every text, so that search finds it. */
export function checkCard(raw: string): Result<string, InvalidInput> {
  const card = raw.normalize('NFC');
  const path = ['card'];
  if (card.length > MAX_CARD_CHARACTERS) {
    const found = `this one has ${card.length}`;
    return refuse(invalidInput(path, `A card has at most ${MAX_CARD_CHARACTERS} characters; ${found}.`));
  }
  // Postgres keeps no NUL and no half of a surrogate pair; the others only serve to trick terminals.
  if (/(?![\n\r\t])[\p{Cc}\p{Cs}]/u.test(card)) {
    return refuse(invalidInput(path, 'A card is Markdown text without control characters.'));
  }
  return ok(card);
}

/** The canonical spelling. */
export function checkLicence(raw: string): Result<string, InvalidInput> {
  const text = raw.trim();
  const licence = canonicalLicence(text);
  if (licence !== null) return ok(licence);
  const near = nearestLicence(text);
  const hint = near === null ? 'See https://spdx.org/licenses for the list.' : `Did you mean ${near}?`;
  const found = text.length <= 60 ? `"${text}"` : 'This text';
  return refuse(invalidInput(['licence'], `${found} is not an SPDX licence identifier. ${hint}`));
}

function checkLabel(raw: string, what: string, path: readonly string[]): Result<string, InvalidInput> {
  const label = raw.trim();
  if (label.length <= MAX_TAG_CHARACTERS && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(label)) return ok(label);
  return refuse(
    invalidInput(
      path,
      `${what} has 1 to ${MAX_TAG_CHARACTERS} characters: lower-case letters, digits and single hyphens between them.`,
    ),
  );
}

export function checkTask(raw: string): Result<string, InvalidInput> {
  return checkLabel(raw, 'A task', ['task']);
}

/** Sorted, each once. */
export function checkTags(raw: readonly string[]): Result<readonly string[], readonly InvalidInput[]> {
  if (raw.length > MAX_TAGS) {
    return refuse([invalidInput(['tags'], `A model has at most ${MAX_TAGS} tags; these are ${raw.length}.`)]);
  }
  const mistakes: InvalidInput[] = [];
  const tags = new Set<string>();
  raw.forEach((text, i) => {
    const tag = checkLabel(text, 'A tag', ['tags', String(i)]);
    if (tag.ok) tags.add(tag.value);
    else mistakes.push(tag.error);
  });
  return mistakes.length > 0 ? refuse(mistakes) : ok([...tags].sort());
}

function checkOneOf<T extends string>(
  value: string,
  allowed: readonly T[],
  path: string,
): Result<T, InvalidInput> {
  const found = allowed.find((one) => one === value);
  return found === undefined
    ? refuse(invalidInput([path], `${path} is one of ${allowed.join(', ')}.`))
    : ok(found);
}

/** Gathers mistakes; `take` gives the checked value, or `undefined` after noting what is wrong. */
function mistakeList() {
  const mistakes: InvalidInput[] = [];
  const take = <T>(result: Result<T, InvalidInput | readonly InvalidInput[]>): T | undefined => {
    if (result.ok) return result.value;
    mistakes.push(...(Array.isArray(result.error) ? result.error : [result.error]));
    return undefined;
  };
  return { mistakes, take };
}

export interface CheckedModel extends ModelProfile {
  readonly name: string;
}

/** A new model with the defaults filled in. */
export function checkNewModel(input: CreateModelInput): Result<CheckedModel, readonly InvalidInput[]> {
  const { mistakes, take } = mistakeList();
  const model = {
    name: take(checkName(input.name)),
    summary: take(checkSummary(input.summary ?? '')),
    card: take(checkCard(input.card ?? '')),
    licence: input.licence === null || input.licence === undefined ? null : take(checkLicence(input.licence)),
    tags: take(checkTags(input.tags ?? [])),
    task: input.task === null || input.task === undefined ? null : take(checkTask(input.task)),
    visibility: take(checkOneOf(input.visibility ?? 'PRIVATE', VISIBILITIES, 'visibility')),
    publicAccess: take(checkOneOf(input.publicAccess ?? 'PREDICT', RIGHTS, 'publicAccess')),
  };
  // Without mistakes every `take` gave a value.
  return mistakes.length > 0 ? refuse(mistakes) : ok(model as CheckedModel);
}

/** The fields that were given, checked. */
export function checkModelChange(
  input: UpdateModelInput,
): Result<Partial<ModelProfile>, readonly InvalidInput[]> {
  const { mistakes, take } = mistakeList();
  const change: Record<string, unknown> = {};
  const checks = {
    summary: () => checkSummary(input.summary ?? ''),
    card: () => checkCard(input.card ?? ''),
    tags: () => checkTags(input.tags ?? []),
    visibility: () => checkOneOf(input.visibility ?? '', VISIBILITIES, 'visibility'),
    publicAccess: () => checkOneOf(input.publicAccess ?? '', RIGHTS, 'publicAccess'),
    licence: () =>
      input.licence === null || input.licence === undefined ? ok(null) : checkLicence(input.licence),
    task: () => (input.task === null || input.task === undefined ? ok(null) : checkTask(input.task)),
  };
  for (const field of Object.keys(checks) as (keyof typeof checks)[]) {
    if (input[field] === undefined) continue;
    const isClearable = field === 'licence' || field === 'task';
    if (input[field] === null && !isClearable) {
      mistakes.push(invalidInput([field], `${field} cannot be null. Leave it away to keep it as it is.`));
      continue;
    }
    change[field] = take<unknown>(checks[field]());
  }
  return mistakes.length > 0 ? refuse(mistakes) : ok(change as Partial<ModelProfile>);
}
