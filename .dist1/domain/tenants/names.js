import { ok, refuse } from "../../lib/result.js";
import { invalidInput } from "./errors.js";
const MAX_NAME_CHARACTERS = 100;
const MAX_EMAIL_CHARACTERS = 254;
const SLUG = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const MIN_SLUG_CHARACTERS = 3;
const MAX_SLUG_CHARACTERS = 40;
const EMAIL = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const UNREADABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{C}\p{M}]/u;
function checkName(value, path) {
  const name = value.trim().normalize("NFC");
  const length = [...name].length;
  if (length < 1 || length > MAX_NAME_CHARACTERS) {
    return refuse(
      invalidInput(path, `${path} has ${length} characters; expected 1 to ${MAX_NAME_CHARACTERS}.`)
    );
  }
  if (UNREADABLE.test(name) || !VISIBLE.test(name)) {
    return refuse(invalidInput(path, `${path} holds control characters; expected readable text.`));
  }
  return ok(name);
}
function checkSlug(slug, path) {
  if (slug.length < MIN_SLUG_CHARACTERS || slug.length > MAX_SLUG_CHARACTERS || !SLUG.test(slug)) {
    return refuse(
      invalidInput(
        path,
        `${path} is not a slug; expected ${MIN_SLUG_CHARACTERS} to ${MAX_SLUG_CHARACTERS} lower-case letters and digits, with single hyphens inside.`
      )
    );
  }
  return ok(slug);
}
function checkEmail(value, path) {
  const email = /^[\x20-\x7e]*$/.test(value.trim()) ? value.trim().toLowerCase() : "";
  if (email.length > MAX_EMAIL_CHARACTERS || !EMAIL.test(email)) {
    return refuse(invalidInput(path, `${path} is not an e-mail address; expected one like ada@example.org.`));
  }
  return ok(email);
}
function slugFrom(name) {
  const slug = name.normalize("NFKD").toLowerCase().replace(new RegExp("\\p{M}", "gu"), "").replace(/[^a-z0-9]+/g, "-").slice(0, MAX_SLUG_CHARACTERS - 7).replace(/^-+|-+$/g, "");
  return slug.length >= MIN_SLUG_CHARACTERS ? slug : slug === "" ? "tenant" : `tenant-${slug}`;
}
export {
  checkEmail,
  checkName,
  checkSlug,
  slugFrom
};
//# sourceMappingURL=names.js.map
