import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  lockOwnModel,
  modelArchived,
  modelNotFound,
  type Model,
  type ModelConflict,
  type ModelNotFound,
  type Right,
} from '../catalog/index.js';
import {
  expiryInThePast,
  granteeNotFound,
  grantNotFound,
  grantToOneself,
  noRights,
  type GranteeNotFound,
  type GrantNotFound,
  type InvalidGrant,
} from './errors.js';
import { canonicalRights, type Grant } from './grant.js';
import * as store from './store.js';

export interface SharingDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
}

export interface GrantAccessInput {
  readonly modelId: string;
  readonly granteeSlug: string;
  readonly rights: readonly Right[];
  readonly expiresAt?: Date | null | undefined;
}

export type GrantAccessRefusal =
  PermissionDenied | ModelNotFound | ModelConflict | GranteeNotFound | InvalidGrant;

export interface SharingService {
  /** Needs GRANT_MANAGE. Replaces the grant that the grantee has on the model, and counts from now on. */
  grantAccess(actor: TenantActor, input: GrantAccessInput): Promise<Result<Grant, GrantAccessRefusal>>;
  /** Needs GRANT_MANAGE. Ends a grant that the tenant gave; also on archived models. Answers its id. */
  revokeAccess(
    actor: TenantActor,
    grantId: string,
  ): Promise<Result<string, PermissionDenied | GrantNotFound>>;
  /** A model's grants in force, newest first; `null` unless the model is the tenant's, with GRANT_MANAGE. */
  listGrants(
    actor: TenantActor,
    model: Pick<Model, 'id' | 'tenantId'>,
    page: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  ): Promise<Result<Page<Grant> | null, Refusal<'INVALID_INPUT'>>>;
  /** In the order of the ids; `null` for what is not in force, or not between the actor's tenant and another. */
  getGrantsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Grant | null)[]>;
  /** One grant in force, for its owner (with GRANT_MANAGE) or its grantee (with MODEL_READ). */
  getGrantById(actor: TenantActor, id: string): Promise<Grant | null>;
}

const SORT = 'grants';

export function createSharingService({ database, clock, audit }: SharingDeps): SharingService {
  async function getGrantsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Grant | null)[]> {
    const wanted = ids.filter((id) => kindOfId(id) === 'grant');
    const sides = { asOwner: can(actor, 'GRANT_MANAGE'), asGrantee: can(actor, 'MODEL_READ') };
    if (wanted.length === 0 || !(sides.asOwner || sides.asGrantee)) return ids.map(() => null);
    const { tenantId } = actor;
    const found = await database.transaction({ tenantId }, (tx) =>
      store.findGrants(tx, tenantId, wanted, sides, clock.now()),
    );
    const byId = new Map(found.map((grant) => [grant.id, grant]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  return Object.freeze({
    async grantAccess(actor: TenantActor, input: GrantAccessInput) {
      if (!can(actor, 'GRANT_MANAGE')) return refuse(permissionDenied(actor, 'GRANT_MANAGE'));
      const { modelId } = input;
      if (kindOfId(modelId) !== 'model') return refuse(modelNotFound());
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx): Promise<Result<Grant, GrantAccessRefusal>> => {
        const model = await lockOwnModel(tx, tenantId, modelId);
        if (model === null) return refuse(modelNotFound());
        if (model.archivedAt !== null) return refuse(modelArchived());
        // After the lock was waited for, so that the order of grants is the order of their times.
        const now = clock.now();
        const rights = canonicalRights(input.rights);
        if (rights.length === 0) return refuse(noRights());
        const expiresAt = input.expiresAt ?? null;
        if (expiresAt !== null && !(expiresAt.getTime() > now.getTime())) return refuse(expiryInThePast());
        const granteeSlug = input.granteeSlug.trim().toLowerCase();
        const granteeTenantId = /^[a-z0-9-]{1,40}$/.test(granteeSlug)
          ? await store.findTenantIdBySlugAcrossTenants(tx, granteeSlug)
          : null;
        if (granteeTenantId === null) return refuse(granteeNotFound());
        if (granteeTenantId === tenantId) return refuse(grantToOneself());
        const grant = await store.replaceGrant(tx, tenantId, {
          id: newId('grant', now.getTime()),
          modelId,
          granteeTenantId,
          rights,
          expiresAt,
          createdAt: now,
          createdBy: actor.kind === 'user' ? actor.userId : null,
        });
        await audit.record(tx, actor, {
          action: 'grantAccess',
          subjectId: grant.id,
          details: {
            modelId,
            granteeTenantId,
            granteeSlug,
            rights: [...rights],
            expiresAt: expiresAt?.toISOString() ?? null,
          },
        });
        return ok(grant);
      });
    },

    async revokeAccess(actor: TenantActor, grantId: string) {
      if (!can(actor, 'GRANT_MANAGE')) return refuse(permissionDenied(actor, 'GRANT_MANAGE'));
      if (kindOfId(grantId) !== 'grant') return refuse(grantNotFound());
      const { tenantId } = actor;
      return database.transaction({ tenantId }, async (tx): Promise<Result<string, GrantNotFound>> => {
        const grant = await store.revokeGrant(tx, tenantId, grantId, clock.now());
        if (grant === null) return refuse(grantNotFound());
        const { modelId, granteeTenantId } = grant;
        await audit.record(tx, actor, {
          action: 'revokeAccess',
          subjectId: grantId,
          details: { modelId, granteeTenantId },
        });
        return ok(grantId);
      });
    },

    async listGrants(
      actor: TenantActor,
      model: Pick<Model, 'id' | 'tenantId'>,
      input: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
    ) {
      const { tenantId } = actor;
      if (model.tenantId !== tenantId || !can(actor, 'GRANT_MANAGE')) return ok(null);
      const page = parsePageRequest(SORT, 1, input, ([id]) => kindOfId(String(id)) === 'grant');
      if (!page.ok) return page;
      const grants = await database.transaction({ tenantId }, (tx) =>
        store.listGrants(tx, tenantId, model.id, page.value, clock.now()),
      );
      return ok(toPage(grants, page.value, SORT, (grant) => [grant.id]));
    },

    getGrantsByIds,

    async getGrantById(actor: TenantActor, id: string) {
      return (await getGrantsByIds(actor, [id]))[0] ?? null;
    },
  });
}
