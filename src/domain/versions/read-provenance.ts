/** Reading what stands around a version: its yank, its origin and descendants, its publication, another beside it. */
import type { Transactions } from '../../database/index.js';
import { kindOfId, mayBeId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, type Result } from '../../lib/result.js';
import { can, type TenantActor } from '../access/index.js';
import { readsForTenant } from '../catalog/index.js';
import { compareVersions, type VersionComparison } from './compare-versions.js';
import type { InvalidInput } from './errors.js';
import type { Publication } from './publication.js';
import { findPublicationsOfVersions } from './publications-store.js';
import type { Version } from './version.js';
import * as store from './versions-store.js';
import type { Yank } from './yank.js';
import { findYanks } from './yanks-store.js';

export interface ProvenanceReads {
  /**
   * Of versions that the actor was shown; in the order of the ids. `null` for a version in service, or on a model that
   * the tenant may not see.
   */
  yanksOfVersions(actor: TenantActor, versionIds: readonly string[]): Promise<(Yank | null)[]>;
  /** Of the actor's own tenant; in the order of the ids of versions. */
  publicationsOfVersions(actor: TenantActor, versionIds: readonly string[]): Promise<(Publication | null)[]>;
  /** Versions made from this one, newest first, on models that lists show to the actor. */
  listDerivatives(
    actor: TenantActor,
    versionId: string,
    page: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  ): Promise<Result<Page<Version>, InvalidInput>>;
  /** `null` unless both may be seen. */
  compareVersions(actor: TenantActor, a: string, b: string): Promise<VersionComparison | null>;
}

const SORT = 'derivatives';

export function createProvenanceReads({ database }: { readonly database: Transactions }): ProvenanceReads {
  const readerOf = (actor: TenantActor): store.Reader => ({
    tenantId: actor.tenantId,
    readsForTenant: readsForTenant(actor),
  });

  return Object.freeze({
    async yanksOfVersions(actor: TenantActor, versionIds: readonly string[]) {
      const found = await database.sql({ tenantId: actor.tenantId }, (query) =>
        findYanks(query, versionIds.filter(mayBeId)),
      );
      const byVersion = new Map(found.map((yank) => [yank.versionId, yank]));
      return versionIds.map((id) => byVersion.get(id) ?? null);
    },

    async publicationsOfVersions(actor: TenantActor, versionIds: readonly string[]) {
      // What is a tenant's own on the way to a version is for who may read models, or publishes.
      if (!can(actor, 'MODEL_READ') && !can(actor, 'VERSION_PUBLISH')) return versionIds.map(() => null);
      const { tenantId } = actor;
      const found = await database.sql({ tenantId }, (query) =>
        findPublicationsOfVersions(query, tenantId, versionIds.filter(mayBeId)),
      );
      const byVersion = new Map(found.map((publication) => [publication.versionId, publication]));
      return versionIds.map((id) => byVersion.get(id) ?? null);
    },

    async listDerivatives(
      actor: TenantActor,
      versionId: string,
      input: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
    ) {
      const page = parsePageRequest(SORT, 1, input, ([id]) => kindOfId(String(id)) === 'version');
      if (!page.ok) return page;
      const rows = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.listDerivatives(query, readerOf(actor), versionId, page.value),
      );
      return ok(toPage(rows, page.value, SORT, (version) => [version.id]));
    },

    async compareVersions(actor: TenantActor, a: string, b: string) {
      if (!mayBeId(a) || !mayBeId(b)) return null;
      const found = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.findVersions(query, readerOf(actor), [a, b]),
      );
      const [first, second] = [a, b].map((id) => found.find((version) => version.id === id));
      return first === undefined || second === undefined ? null : compareVersions(first, second);
    },
  });
}
