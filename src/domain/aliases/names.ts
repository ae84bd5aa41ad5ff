/** What may be said about an alias. Pure. */
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';

const MAX_NAME_CHARACTERS = 60;
const MAX_REASON_CHARACTERS = 500;
/** Begins with a letter, so that no alias reads like the number of a version. */
const NAME = /^[a-z][a-z0-9]*(?:[-._][a-z0-9]+)*$/;
/** Stands for the newest version, everywhere and always. */
const NEWEST = 'latest';

// Control characters, line and paragraph separators, half characters, and the marks that reverse or hide text.
const UNREADABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/** Whether a text can name an alias at all; what cannot is simply not found. */
export function mayBeAliasName(name: string): boolean {
  return name.length <= MAX_NAME_CHARACTERS && name !== NEWEST && NAME.test(name);
}

/** A name for a new alias: refused, not repaired, when it is not one. */
export function checkAliasName(name: string): Result<string, InvalidInput> {
  if (name === NEWEST) {
    const means = 'always means the newest version, and cannot be set';
    return refuse(invalidInput(['name'], `"${NEWEST}" ${means}. Choose another name.`));
  }
  if (mayBeAliasName(name)) return ok(name);
  const found = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  return refuse(
    invalidInput(
      ['name'],
      `An alias has 1 to ${MAX_NAME_CHARACTERS} characters: lower-case letters and digits, a letter first, with single ` +
        `hyphens, dots or underscores between them; found ${found}.`,
    ),
  );
}

/** Why something is done: one line of readable text. */
export function checkReason(raw: string): Result<string, InvalidInput> {
  const reason = raw.normalize('NFC').trim();
  const { length } = [...reason];
  if (length < 1 || length > MAX_REASON_CHARACTERS) {
    const expected = `A reason has 1 to ${MAX_REASON_CHARACTERS} characters`;
    return refuse(invalidInput(['reason'], `${expected}; this one has ${length}.`));
  }
  if (UNREADABLE.test(reason)) {
    return refuse(invalidInput(['reason'], 'A reason is one line without control characters.'));
  }
  return ok(reason);
}
