import type { TransactionContext, Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, newId } from '../../lib/ids.js';
import { toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  modelArchived,
  modelNotFound,
  nameTaken,
  type InvalidInput,
  type ModelConflict,
  type ModelNotFound,
} from './errors.js';
import type { Model } from './model.js';
import { checkSearchInput, sortKeyOf, type SearchModelsInput } from './search.js';
import { findMatches, NO_MATCHES, summarizeMatches, type MatchSummary } from './search-store.js';
import * as store from './store.js';
import {
  checkModelChange,
  checkNewModel,
  type CreateModelInput,
  type UpdateModelInput,
} from './validation.js';
import { readsForTenant } from './visibility.js';

export interface CatalogDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
}

/** What `models` found. */
export interface ModelMatches {
  /** Without cards. */
  readonly page: Page<Model>;
  readonly isFirstPage: boolean;
  /** Counts everything that matches. Asked for apart, because it reads every match; asked for twice, it counts once. */
  readonly summary: () => Promise<MatchSummary>;
}

export type CreateModelRefusal = PermissionDenied | ModelConflict | InvalidInput;
export type UpdateModelRefusal = PermissionDenied | ModelNotFound | ModelConflict | InvalidInput;

export interface CatalogService {
  /** Needs MODEL_WRITE. CONFLICT when the tenant has or had the name. */
  createModel(
    actor: TenantActor,
    input: CreateModelInput,
  ): Promise<Result<Model, CreateModelRefusal | readonly CreateModelRefusal[]>>;
  /** Needs MODEL_WRITE. What is not the tenant's own is NOT_FOUND, seen or not; CONFLICT when archived. */
  updateModel(
    actor: TenantActor,
    input: UpdateModelInput,
  ): Promise<Result<Model, UpdateModelRefusal | readonly UpdateModelRefusal[]>>;
  /** Needs MODEL_WRITE. Archiving what is archived changes nothing. */
  archiveModel(actor: TenantActor, modelId: string): Promise<Result<Model, PermissionDenied | ModelNotFound>>;
  /** Needs MODEL_WRITE. Unarchiving what is not archived changes nothing. */
  unarchiveModel(
    actor: TenantActor,
    modelId: string,
  ): Promise<Result<Model, PermissionDenied | ModelNotFound>>;
  /** The model of that full name, or `null` when it does not exist or may not be seen. */
  findModel(actor: TenantActor, ownerSlug: string, name: string): Promise<Model | null>;
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getModelsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Model | null)[]>;
  /** A model of the actor's tenant, archived or not, for rooms that are about to change it; else `null`. */
  findOwnModel(actor: TenantActor, modelId: string): Promise<Model | null>;
  /** One page of the models that the actor may find, and their sum. */
  searchModels(actor: TenantActor, input: SearchModelsInput): Promise<Result<ModelMatches, InvalidInput>>;
}

export function createCatalogService({ database, clock, audit }: CatalogDeps): CatalogService {
  /** Locks a model of the actor's tenant, and refuses alike whatever the reason that there is none. */
  async function changeOwnModel<E>(
    actor: TenantActor,
    modelId: string,
    change: (tx: Tx, model: Model) => Promise<Result<Model, E>>,
  ): Promise<Result<Model, E | PermissionDenied | ModelNotFound>> {
    if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
    if (kindOfId(modelId) !== 'model') return refuse(modelNotFound());
    return database.transaction(
      contextOf(actor),
      async (tx): Promise<Result<Model, E | PermissionDenied | ModelNotFound>> => {
        const model = await store.lockOwnModel(tx, actor.tenantId, modelId);
        return model === null ? refuse(modelNotFound()) : change(tx, model);
      },
    );
  }

  async function setArchived(actor: TenantActor, modelId: string, isArchived: boolean) {
    return changeOwnModel<never>(actor, modelId, async (tx, model) => {
      if ((model.archivedAt !== null) === isArchived) return ok(model);
      const now = clock.now();
      const archivedAt = isArchived ? now : null;
      const changed = await store.updateModel(tx, actor.tenantId, modelId, { archivedAt, updatedAt: now });
      const action = isArchived ? 'archiveModel' : 'unarchiveModel';
      await audit.record(tx, actor, { action, subjectId: modelId, details: { name: model.name } });
      return ok(changed);
    });
  }

  return Object.freeze({
    async createModel(actor: TenantActor, input: CreateModelInput) {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const checked = checkNewModel(input);
      if (!checked.ok) return checked;
      const createdAt = clock.now();
      const id = newId('model', createdAt.getTime());
      return database.transaction(contextOf(actor), async (tx): Promise<Result<Model, ModelConflict>> => {
        const model = await store.insertModel(tx, actor.tenantId, { ...checked.value, id, createdAt });
        if (model === null) return refuse(nameTaken(checked.value.name));
        const { name, visibility, publicAccess } = model;
        await audit.record(tx, actor, {
          action: 'createModel',
          subjectId: id,
          details: { name, visibility, publicAccess },
        });
        return ok(model);
      });
    },

    async updateModel(actor: TenantActor, input: UpdateModelInput) {
      const { modelId } = input;
      return changeOwnModel<ModelConflict | readonly InvalidInput[]>(actor, modelId, async (tx, model) => {
        // After the model is found: mistakes are not discussed about what is not there.
        const checked = checkModelChange(input);
        if (!checked.ok) return checked;
        if (model.archivedAt !== null) return refuse(modelArchived());
        const changed = changedFields(model, checked.value);
        if (changed.length === 0) return ok(model);
        const updated = await store.updateModel(tx, actor.tenantId, modelId, {
          ...checked.value,
          updatedAt: clock.now(),
        });
        const { visibility, publicAccess } = updated;
        await audit.record(tx, actor, {
          action: 'updateModel',
          subjectId: modelId,
          details: { changed, visibility, publicAccess },
        });
        return ok(updated);
      });
    },

    archiveModel: (actor: TenantActor, modelId: string) => setArchived(actor, modelId, true),
    unarchiveModel: (actor: TenantActor, modelId: string) => setArchived(actor, modelId, false),

    async findModel(actor: TenantActor, ownerSlug: string, name: string) {
      // What can be no name is not looked up: Postgres refuses some texts instead of not finding them.
      if (!/^[a-z0-9-]{1,40}$/.test(ownerSlug) || !/^[a-z0-9._-]{1,60}$/.test(name)) return null;
      return database.sql(contextOf(actor), (query) =>
        store.findVisibleModelByName(query, actor.tenantId, readsForTenant(actor), ownerSlug, name),
      );
    },

    async getModelsByIds(actor: TenantActor, ids: readonly string[]) {
      const wanted = ids.filter((id) => kindOfId(id) === 'model');
      if (wanted.length === 0) return ids.map(() => null);
      const models = await database.sql(contextOf(actor), (query) =>
        store.findVisibleModels(query, actor.tenantId, readsForTenant(actor), wanted),
      );
      const byId = new Map(models.map((model) => [model.id, model]));
      return ids.map((id) => byId.get(id) ?? null);
    },

    async findOwnModel(actor: TenantActor, modelId: string) {
      if (kindOfId(modelId) !== 'model') return null;
      return database.transaction(contextOf(actor), (tx) => store.findOwnModel(tx, actor.tenantId, modelId));
    },

    async searchModels(actor: TenantActor, input: SearchModelsInput) {
      const checked = checkSearchInput(input);
      if (!checked.ok) return checked;
      const search = checked.value;
      const viewer = { tenantId: actor.tenantId, readsForTenant: readsForTenant(actor) };
      const found = search.isImpossible
        ? []
        : await database.sql(contextOf(actor), (query) => findMatches(query, viewer, search));
      const ranked = toPage(found, search.page, search.sort, (one) => sortKeyOf(search.order, one));
      let summary: Promise<MatchSummary> | null = null;
      return ok({
        page: { ...ranked, items: ranked.items.map(({ model }) => model) },
        isFirstPage: search.page.after === null,
        summary: () =>
          (summary ??= search.isImpossible
            ? Promise.resolve(NO_MATCHES)
            : database.sql(contextOf(actor), (query) => summarizeMatches(query, viewer, search))),
      });
    },
  });
}

function contextOf(actor: TenantActor): TransactionContext {
  return { tenantId: actor.tenantId };
}

/** Names of the fields whose value would be another one. */
function changedFields(model: Model, change: Partial<store.ModelProfile>): (keyof store.ModelProfile)[] {
  return (Object.keys(change) as (keyof store.ModelProfile)[]).filter(
    (field) => JSON.stringify(change[field]) !== JSON.stringify(model[field]),
  );
}
