import { createHash } from "node:crypto";
import { kindOfId } from "../../lib/ids.js";
import { parsePageRequest } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { invalidInput } from "./errors.js";
import { canonicalLicence } from "./licence.js";
import { checkSearch } from "./search-words.js";
import { MAX_TAGS } from "./validation.js";
const LABEL = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const NAME_OR_FULL_NAME = /^(?:[a-z0-9-]+\/)?[a-z0-9]+(?:[-._][a-z0-9]+)*$/;
function label(value) {
  if (value === null || value === void 0) return { value: null, isImpossible: false };
  const text = value.trim().toLowerCase();
  return { value: text, isImpossible: !LABEL.test(text) };
}
function checkSearchInput(input) {
  const checked = checkSearch(input.search);
  if (!checked.ok) return checked;
  const words = checked.value ?? [];
  const filter = input.filter ?? {};
  if ((filter.tags?.length ?? 0) > MAX_TAGS) {
    return refuse(invalidInput(["filter", "tags"], `A model has at most ${MAX_TAGS} tags.`));
  }
  const owner = label(filter.owner);
  const task = label(filter.task);
  const tags = (filter.tags ?? []).map(label);
  const askedLicence = filter.licence ?? null;
  const licence = askedLicence === null ? null : canonicalLicence(askedLicence.trim());
  const asked = input.orderBy ?? "RELEVANCE";
  const order = asked === "RELEVANCE" && words.length === 0 ? "NEWEST" : asked;
  const sort = words.length === 0 ? order : `${order}:${digestOf(words)}`;
  const page = parsePageRequest(sort, 2, input);
  if (!page.ok) return page;
  if (page.value.after !== null && !isKeyOf(order, page.value.after)) {
    return refuse(invalidInput(["after"], "after is not a cursor of this list."));
  }
  const text = (input.search ?? "").trim().toLowerCase();
  return ok({
    words,
    exactName: NAME_OR_FULL_NAME.test(text) ? text : null,
    owner: owner.value,
    tags: tags.map((tag) => tag.value ?? ""),
    task: task.value,
    licence,
    visibility: filter.visibility ?? null,
    right: filter.right ?? null,
    includeArchived: filter.includeArchived ?? false,
    order,
    sort,
    page: page.value,
    isImpossible: checked.value === null || [owner, task, ...tags].some((one) => one.isImpossible) || askedLicence !== null && licence === null
  });
}
function digestOf(words) {
  return createHash("sha256").update(words.join(" ")).digest("base64url").slice(0, 10);
}
function sortKeyOf(order, { model, rank }) {
  switch (order) {
    case "RELEVANCE":
      return [rank, model.id];
    case "NEWEST":
      return [model.createdAt.toISOString(), model.id];
    case "UPDATED":
      return [model.updatedAt.toISOString(), model.id];
    case "NAME":
      return [model.ownerSlug, model.name];
  }
}
function isKeyOf(order, [first, second]) {
  if (typeof second !== "string") return false;
  switch (order) {
    case "RELEVANCE":
      return typeof first === "number" && first >= 0 && first <= 100 && kindOfId(second) === "model";
    case "NEWEST":
    case "UPDATED":
      return typeof first === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(first) && !Number.isNaN(Date.parse(first)) && kindOfId(second) === "model";
    case "NAME":
      return typeof first === "string" && LABEL.test(first) && NAME_OR_FULL_NAME.test(second);
  }
}
export {
  checkSearchInput,
  sortKeyOf
};
//# sourceMappingURL=search.js.map
