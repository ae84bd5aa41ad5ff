import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';

const MAX_NAME_CHARACTERS = 100;
const MAX_EMAIL_CHARACTERS = 254;
const SLUG = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const MIN_SLUG_CHARACTERS = 3;
const MAX_SLUG_CHARACTERS = 40;

// The form that browsers accept for type=email, lower-cased. ASCII only: two addresses that look alike but
// differ in bytes would be two people, and folding other alphabets has no rule that all mail servers share.
const EMAIL =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

// Control characters, line and paragraph separators, and the marks that reverse or hide text: a name with
// them reads differently from what it is.
const UNREADABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

// Joiners and fillers are part of some scripts and emoji, but a name of nothing else shows as no name at all.
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{C}\p{M}]/u;

/** A name for people: trimmed, 1 to 100 characters, nothing that cannot be seen. */
export function checkName(value: string, path: string): Result<string, InvalidInput> {
  const name = value.trim().normalize('NFC');
  const length = [...name].length;
  if (length < 1 || length > MAX_NAME_CHARACTERS) {
    return refuse(
      invalidInput([path], `${path} has ${length} characters; expected 1 to ${MAX_NAME_CHARACTERS}.`),
    );
  }
  if (UNREADABLE.test(name) || !VISIBLE.test(name)) {
    return refuse(invalidInput([path], `${path} holds control characters; expected readable text.`));
  }
  return ok(name);
}

/** A slug as it was given: refused, not repaired, when it is not one. */
export function checkSlug(slug: string, path: string): Result<string, InvalidInput> {
  if (slug.length < MIN_SLUG_CHARACTERS || slug.length > MAX_SLUG_CHARACTERS || !SLUG.test(slug)) {
    return refuse(
      invalidInput(
        [path],
        `${path} is not a slug; expected ${MIN_SLUG_CHARACTERS} to ${MAX_SLUG_CHARACTERS} lower-case letters and digits, with single hyphens inside.`,
      ),
    );
  }
  return ok(slug);
}

/** A sign-in address: trimmed and lower-cased. */
export function checkEmail(value: string, path: string): Result<string, InvalidInput> {
  // Before folding: U+212A, the Kelvin sign, would become a plain k.
  const email = /^[\x20-\x7e]*$/.test(value.trim()) ? value.trim().toLowerCase() : '';
  if (email.length > MAX_EMAIL_CHARACTERS || !EMAIL.test(email)) {
    return refuse(
      invalidInput([path], `${path} is not an e-mail address; expected one like ada@example.org.`),
    );
  }
  return ok(email);
}

/** A slug made from a name for people, e.g. `Ada Lovelace` -> `ada-lovelace`; `tenant` when nothing is left of it. */
export function slugFrom(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    // Room for the suffix that tells namesakes apart.
    .slice(0, MAX_SLUG_CHARACTERS - 7)
    .replace(/^-+|-+$/g, '');
  return slug.length >= MIN_SLUG_CHARACTERS ? slug : slug === '' ? 'tenant' : `tenant-${slug}`;
}
