/** Reading versions, publications and uploads, as far as the actor may. */
import type { Readable } from 'node:stream';
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import { parsePageRequest, toPage, type CursorKey, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { ArtifactStore, ByteRange } from '../../storage/index.js';
import {
  can,
  permissionDenied,
  type Actor,
  type PermissionDenied,
  type TenantActor,
} from '../access/index.js';
import { readsForTenant } from '../catalog/index.js';
import { createArtifactCheck } from './artifact-check.js';
import { artifactNotFound, type ArtifactDamaged, type InvalidInput, type NotFound } from './errors.js';
import type { Publication } from './publication.js';
import { findPublications } from './publications-store.js';
import type { Upload } from './upload.js';
import { findUpload } from './uploads-store.js';
import { artifactFileName, type Version } from './version.js';
import * as store from './versions-store.js';

/** An artifact that the actor may download; the bytes are read when `open` is called. */
export interface ArtifactDownload {
  readonly version: Version;
  /** Safe in a header. */
  readonly fileName: string;
  /** SHA-256, lower-case hex. */
  readonly digest: string;
  readonly bytes: number;
  /** Whether the stored bytes still are the published ones; read before they are given out. */
  check(): Promise<Result<null, ArtifactDamaged>>;
  open(range?: ByteRange): Promise<Readable>;
}

export interface VersionReads {
  /** In the order of the ids; `null` for what may not be seen. */
  getVersionsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Version | null)[]>;
  getVersion(actor: TenantActor, id: string): Promise<Version | null>;
  /** In the order of the ids; `null` for a model without versions, or that may not be seen. */
  latestVersions(actor: TenantActor, modelIds: readonly string[]): Promise<(Version | null)[]>;
  latestVersion(actor: TenantActor, modelId: string): Promise<Version | null>;
  versionByNumber(actor: TenantActor, modelId: string, number: number): Promise<Version | null>;
  /** Newest first; empty for a model that may not be seen. */
  listVersions(
    actor: TenantActor,
    modelId: string,
    page: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  ): Promise<Result<Page<Version>, InvalidInput>>;
  /**
   * For each digest the versions that run from that pack, as `owner/name:number`, whoever owns them: the 5 oldest.
   * Needs PLATFORM_OPERATE: `null`s without it. `null` for a pack of no version.
   */
  namesOfPacksAcrossTenants(
    actor: Actor,
    packDigests: readonly string[],
  ): Promise<(readonly string[] | null)[]>;
  /** Of the actor's own tenant; in the order of the ids. */
  getPublicationsByIds(actor: TenantActor, ids: readonly string[]): Promise<(Publication | null)[]>;
  getPublication(actor: TenantActor, id: string): Promise<Publication | null>;
  /** Of the actor's own tenant, not expired. */
  getUpload(actor: TenantActor, id: string): Promise<Upload | null>;
  /** Needs ARTIFACT_DOWNLOAD and the right DOWNLOAD; without the right the version does not exist. */
  openArtifact(
    actor: TenantActor,
    versionId: string,
  ): Promise<Result<ArtifactDownload, PermissionDenied | NotFound>>;
}

const SORT = 'versions';
const MAX_NAMES_OF_PACK = 5;
const MAX_NUMBER = 2 ** 31 - 1;

export function createVersionReads(deps: {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly log: Pick<Logger, 'error'>;
}): VersionReads {
  const { database, clock, artifacts } = deps;
  const { check } = createArtifactCheck(deps);

  const readerOf = (actor: TenantActor): store.Reader => ({
    tenantId: actor.tenantId,
    readsForTenant: readsForTenant(actor),
  });

  /** What is a tenant's own on the way to a version is for who may read models, or publishes. */
  const seesPublications = (actor: TenantActor) => can(actor, 'MODEL_READ') || can(actor, 'VERSION_PUBLISH');

  const reads: VersionReads = {
    async getVersionsByIds(actor, ids) {
      const found = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.findVersions(query, readerOf(actor), ids.filter(mayBeId)),
      );
      return inOrder(ids, found, (version) => version.id);
    },

    getVersion: async (actor, id) => (await reads.getVersionsByIds(actor, [id]))[0] ?? null,

    async latestVersions(actor, modelIds) {
      const found = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.findLatest(query, readerOf(actor), modelIds),
      );
      return inOrder(modelIds, found, (version) => version.modelId);
    },

    latestVersion: async (actor, modelId) => (await reads.latestVersions(actor, [modelId]))[0] ?? null,

    async versionByNumber(actor, modelId, number) {
      if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) return null;
      return database.sql({ tenantId: actor.tenantId }, (query) =>
        store.findByNumber(query, readerOf(actor), modelId, number),
      );
    },

    async listVersions(actor, modelId, input) {
      const isNumber = ([last]: CursorKey): boolean =>
        Number.isInteger(last) && Math.abs(Number(last)) <= MAX_NUMBER;
      const page = parsePageRequest(SORT, 1, input, isNumber);
      if (!page.ok) return page;
      const rows = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.listVersions(query, readerOf(actor), modelId, page.value),
      );
      return ok(toPage(rows, page.value, SORT, (version) => [version.number]));
    },

    async namesOfPacksAcrossTenants(actor, packDigests) {
      if (!can(actor, 'PLATFORM_OPERATE')) return packDigests.map(() => null);
      const found = await database.sql({ acrossTenants: true }, (query) =>
        store.findNamesOfPacksAcrossTenants(query, packDigests, MAX_NAMES_OF_PACK),
      );
      return inOrder(packDigests, found, ({ packDigest }) => packDigest).map((pack) => pack?.names ?? null);
    },

    async getPublicationsByIds(actor, ids) {
      if (!seesPublications(actor)) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await database.sql({ tenantId }, (query) =>
        findPublications(query, tenantId, ids.filter(mayBeId)),
      );
      return inOrder(ids, found, (publication) => publication.id);
    },

    getPublication: async (actor, id) => (await reads.getPublicationsByIds(actor, [id]))[0] ?? null,

    async getUpload(actor, id) {
      if (!seesPublications(actor) || !mayBeId(id)) return null;
      const { tenantId } = actor;
      return database.transaction({ tenantId }, (tx) => findUpload(tx, tenantId, id, clock.now()));
    },

    async openArtifact(actor, versionId) {
      // Before looking, so that the answer says nothing about the version.
      if (!can(actor, 'ARTIFACT_DOWNLOAD')) return refuse(permissionDenied(actor, 'ARTIFACT_DOWNLOAD'));
      if (!mayBeId(versionId)) return refuse(artifactNotFound());
      const found = await database.sql({ tenantId: actor.tenantId }, (query) =>
        store.findDownloadable(query, readerOf(actor), versionId),
      );
      if (found === null) return refuse(artifactNotFound());
      const { version, ownerSlug, modelName } = found;
      const open = (range?: ByteRange) => openOrThrow(version, range);
      const firstBytes = await readAll(await open({ start: 0, end: 1 }));
      return ok({
        version,
        fileName: artifactFileName(ownerSlug, modelName, version, firstBytes),
        digest: version.digest,
        bytes: version.bytes,
        check: () => check(version),
        open,
      });
    },
  };

  /** A version without its bytes is a fault of ours, never a 404. */
  async function openOrThrow(version: Version, range: ByteRange | undefined): Promise<Readable> {
    const stream = await artifacts.open(version.digest, range);
    if (stream === null) throw new Error(`The artifact of ${version.id} is missing from the store.`);
    return stream;
  }

  return Object.freeze(reads);
}

function inOrder<T>(ids: readonly string[], found: readonly T[], idOf: (item: T) => string): (T | null)[] {
  const byId = new Map(found.map((item) => [idOf(item), item]));
  return ids.map((id) => byId.get(id) ?? null);
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
