import { ok, refuse } from "../../lib/result.js";
import { invalidInput } from "./errors.js";
import { canonicalLicence, nearestLicence } from "./licence.js";
import { RIGHTS, VISIBILITIES } from "./model.js";
const MAX_SUMMARY_CHARACTERS = 200;
const MAX_CARD_CHARACTERS = 1e5;
const MAX_TAGS = 20;
const MAX_TAG_CHARACTERS = 40;
const RESERVED_NAMES = new Set(
  "about admin api artifacts billing catalog dashboard docs download edit grants graphql health help keys members metrics model models new none null plans predictions public search settings souk tenant tenants undefined uploads usage version versions".split(
    " "
  )
);
function checkName(raw) {
  const name = raw.trim();
  const path = ["name"];
  if (name.length < 2 || name.length > 60) {
    return refuse(invalidInput(path, `A name has 2 to 60 characters; this one has ${name.length}.`));
  }
  if (!/^[a-z0-9]+(?:[-._][a-z0-9]+)*$/.test(name)) {
    return refuse(
      invalidInput(
        path,
        "A name consists of lower-case letters and digits, with single hyphens, dots or underscores between them."
      )
    );
  }
  if (RESERVED_NAMES.has(name)) return refuse(invalidInput(path, `The name "${name}" is reserved.`));
  return ok(name);
}
function checkSummary(raw) {
  const summary = raw.normalize("NFC").trim();
  const path = ["summary"];
  if (summary.length > MAX_SUMMARY_CHARACTERS) {
    const found = `this one has ${summary.length}`;
    return refuse(
      invalidInput(path, `A summary has at most ${MAX_SUMMARY_CHARACTERS} characters; ${found}.`)
    );
  }
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(summary)) {
    return refuse(invalidInput(path, "A summary is one line of text without control characters."));
  }
  return ok(summary);
}
function checkCard(raw) {
  const card = raw.normalize("NFC");
  const path = ["card"];
  if (card.length > MAX_CARD_CHARACTERS) {
    const found = `this one has ${card.length}`;
    return refuse(invalidInput(path, `A card has at most ${MAX_CARD_CHARACTERS} characters; ${found}.`));
  }
  if (/(?![\n\r\t])[\p{Cc}\p{Cs}]/u.test(card)) {
    return refuse(invalidInput(path, "A card is Markdown text without control characters."));
  }
  return ok(card);
}
function checkLicence(raw) {
  const text = raw.trim();
  const licence = canonicalLicence(text);
  if (licence !== null) return ok(licence);
  const near = nearestLicence(text);
  const hint = near === null ? "See https://spdx.org/licenses for the list." : `Did you mean ${near}?`;
  const found = text.length <= 60 ? `"${text}"` : "This text";
  return refuse(invalidInput(["licence"], `${found} is not an SPDX licence identifier. ${hint}`));
}
function checkLabel(raw, what, path) {
  const label = raw.trim();
  if (label.length <= MAX_TAG_CHARACTERS && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(label)) return ok(label);
  return refuse(
    invalidInput(
      path,
      `${what} has 1 to ${MAX_TAG_CHARACTERS} characters: lower-case letters, digits and single hyphens between them.`
    )
  );
}
function checkTask(raw) {
  return checkLabel(raw, "A task", ["task"]);
}
function checkTags(raw) {
  if (raw.length > MAX_TAGS) {
    return refuse([invalidInput(["tags"], `A model has at most ${MAX_TAGS} tags; these are ${raw.length}.`)]);
  }
  const mistakes = [];
  const tags = /* @__PURE__ */ new Set();
  raw.forEach((text, i) => {
    const tag = checkLabel(text, "A tag", ["tags", String(i)]);
    if (tag.ok) tags.add(tag.value);
    else mistakes.push(tag.error);
  });
  return mistakes.length > 0 ? refuse(mistakes) : ok([...tags].sort());
}
function checkOneOf(value, allowed, path) {
  const found = allowed.find((one) => one === value);
  return found === void 0 ? refuse(invalidInput([path], `${path} is one of ${allowed.join(", ")}.`)) : ok(found);
}
function mistakeList() {
  const mistakes = [];
  const take = (result) => {
    if (result.ok) return result.value;
    mistakes.push(...Array.isArray(result.error) ? result.error : [result.error]);
    return void 0;
  };
  return { mistakes, take };
}
function checkNewModel(input) {
  const { mistakes, take } = mistakeList();
  const model = {
    name: take(checkName(input.name)),
    summary: take(checkSummary(input.summary ?? "")),
    card: take(checkCard(input.card ?? "")),
    licence: input.licence === null || input.licence === void 0 ? null : take(checkLicence(input.licence)),
    tags: take(checkTags(input.tags ?? [])),
    task: input.task === null || input.task === void 0 ? null : take(checkTask(input.task)),
    visibility: take(checkOneOf(input.visibility ?? "PRIVATE", VISIBILITIES, "visibility")),
    publicAccess: take(checkOneOf(input.publicAccess ?? "PREDICT", RIGHTS, "publicAccess"))
  };
  return mistakes.length > 0 ? refuse(mistakes) : ok(model);
}
function checkModelChange(input) {
  const { mistakes, take } = mistakeList();
  const change = {};
  const checks = {
    summary: () => checkSummary(input.summary ?? ""),
    card: () => checkCard(input.card ?? ""),
    tags: () => checkTags(input.tags ?? []),
    visibility: () => checkOneOf(input.visibility ?? "", VISIBILITIES, "visibility"),
    publicAccess: () => checkOneOf(input.publicAccess ?? "", RIGHTS, "publicAccess"),
    licence: () => input.licence === null || input.licence === void 0 ? ok(null) : checkLicence(input.licence),
    task: () => input.task === null || input.task === void 0 ? ok(null) : checkTask(input.task)
  };
  for (const field of Object.keys(checks)) {
    if (input[field] === void 0) continue;
    const isClearable = field === "licence" || field === "task";
    if (input[field] === null && !isClearable) {
      mistakes.push(invalidInput([field], `${field} cannot be null. Leave it away to keep it as it is.`));
      continue;
    }
    change[field] = take(checks[field]());
  }
  return mistakes.length > 0 ? refuse(mistakes) : ok(change);
}
export {
  MAX_CARD_CHARACTERS,
  MAX_SUMMARY_CHARACTERS,
  MAX_TAGS,
  MAX_TAG_CHARACTERS,
  checkCard,
  checkLicence,
  checkModelChange,
  checkName,
  checkNewModel,
  checkSummary,
  checkTags,
  checkTask
};
//# sourceMappingURL=validation.js.map
