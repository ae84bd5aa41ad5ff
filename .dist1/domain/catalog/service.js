import { kindOfId, newId } from "../../lib/ids.js";
import { toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import {
  modelArchived,
  modelNotFound,
  nameTaken
} from "./errors.js";
import { checkSearchInput, sortKeyOf } from "./search.js";
import { findMatches, NO_MATCHES, summarizeMatches } from "./search-store.js";
import * as store from "./store.js";
import {
  checkModelChange,
  checkNewModel
} from "./validation.js";
import { readsForTenant } from "./visibility.js";
function createCatalogService({ database, clock, audit }) {
  async function changeOwnModel(actor, modelId, change) {
    if (!can(actor, "MODEL_WRITE")) return refuse(permissionDenied(actor, "MODEL_WRITE"));
    if (kindOfId(modelId) !== "model") return refuse(modelNotFound());
    return database.transaction(
      contextOf(actor),
      async (tx) => {
        const model = await store.lockOwnModel(tx, actor.tenantId, modelId);
        return model === null ? refuse(modelNotFound()) : change(tx, model);
      }
    );
  }
  async function setArchived(actor, modelId, isArchived) {
    return changeOwnModel(actor, modelId, async (tx, model) => {
      if (model.archivedAt !== null === isArchived) return ok(model);
      const now = clock.now();
      const archivedAt = isArchived ? now : null;
      const changed = await store.updateModel(tx, actor.tenantId, modelId, { archivedAt, updatedAt: now });
      const action = isArchived ? "archiveModel" : "unarchiveModel";
      await audit.record(tx, actor, { action, subjectId: modelId, details: { name: model.name } });
      return ok(changed);
    });
  }
  return Object.freeze({
    async createModel(actor, input) {
      if (!can(actor, "MODEL_WRITE")) return refuse(permissionDenied(actor, "MODEL_WRITE"));
      const checked = checkNewModel(input);
      if (!checked.ok) return checked;
      const createdAt = clock.now();
      const id = newId("model", createdAt.getTime());
      return database.transaction(contextOf(actor), async (tx) => {
        const model = await store.insertModel(tx, actor.tenantId, { ...checked.value, id, createdAt });
        if (model === null) return refuse(nameTaken(checked.value.name));
        const { name, visibility, publicAccess } = model;
        await audit.record(tx, actor, {
          action: "createModel",
          subjectId: id,
          details: { name, visibility, publicAccess }
        });
        return ok(model);
      });
    },
    async updateModel(actor, input) {
      const { modelId } = input;
      return changeOwnModel(actor, modelId, async (tx, model) => {
        const checked = checkModelChange(input);
        if (!checked.ok) return checked;
        if (model.archivedAt !== null) return refuse(modelArchived());
        const changed = changedFields(model, checked.value);
        if (changed.length === 0) return ok(model);
        const updated = await store.updateModel(tx, actor.tenantId, modelId, {
          ...checked.value,
          updatedAt: clock.now()
        });
        const { visibility, publicAccess } = updated;
        await audit.record(tx, actor, {
          action: "updateModel",
          subjectId: modelId,
          details: { changed, visibility, publicAccess }
        });
        return ok(updated);
      });
    },
    archiveModel: (actor, modelId) => setArchived(actor, modelId, true),
    unarchiveModel: (actor, modelId) => setArchived(actor, modelId, false),
    async findModel(actor, ownerSlug, name) {
      if (!/^[a-z0-9-]{1,40}$/.test(ownerSlug) || !/^[a-z0-9._-]{1,60}$/.test(name)) return null;
      return database.sql(
        contextOf(actor),
        (query) => store.findVisibleModelByName(query, actor.tenantId, readsForTenant(actor), ownerSlug, name)
      );
    },
    async getModelsByIds(actor, ids) {
      const wanted = ids.filter((id) => kindOfId(id) === "model");
      if (wanted.length === 0) return ids.map(() => null);
      const models = await database.sql(
        contextOf(actor),
        (query) => store.findVisibleModels(query, actor.tenantId, readsForTenant(actor), wanted)
      );
      const byId = new Map(models.map((model) => [model.id, model]));
      return ids.map((id) => byId.get(id) ?? null);
    },
    async findOwnModel(actor, modelId) {
      if (kindOfId(modelId) !== "model") return null;
      return database.transaction(contextOf(actor), (tx) => store.findOwnModel(tx, actor.tenantId, modelId));
    },
    async searchModels(actor, input) {
      const checked = checkSearchInput(input);
      if (!checked.ok) return checked;
      const search = checked.value;
      const viewer = { tenantId: actor.tenantId, readsForTenant: readsForTenant(actor) };
      const found = search.isImpossible ? [] : await database.sql(contextOf(actor), (query) => findMatches(query, viewer, search));
      const ranked = toPage(found, search.page, search.sort, (one) => sortKeyOf(search.order, one));
      let summary = null;
      return ok({
        page: { ...ranked, items: ranked.items.map(({ model }) => model) },
        isFirstPage: search.page.after === null,
        summary: () => summary ??= search.isImpossible ? Promise.resolve(NO_MATCHES) : database.sql(contextOf(actor), (query) => summarizeMatches(query, viewer, search))
      });
    }
  });
}
function contextOf(actor) {
  return { tenantId: actor.tenantId };
}
function changedFields(model, change) {
  return Object.keys(change).filter(
    (field) => JSON.stringify(change[field]) !== JSON.stringify(model[field])
  );
}
export {
  createCatalogService
};
//# sourceMappingURL=service.js.map
