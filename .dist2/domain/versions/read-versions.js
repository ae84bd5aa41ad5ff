import { mayBeId } from "../../lib/ids.js";
import { parsePageRequest, toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import { readsForTenant } from "../catalog/index.js";
import { artifactNotFound } from "./errors.js";
import { findPublications } from "./publications-store.js";
import { findUpload } from "./uploads-store.js";
import { artifactFileName } from "./version.js";
import * as store from "./versions-store.js";
const SORT = "versions";
const MAX_NUMBER = 2 ** 31 - 1;
function createVersionReads(deps) {
  const { database, clock, artifacts } = deps;
  const readerOf = (actor) => ({
    tenantId: actor.tenantId,
    readsForTenant: readsForTenant(actor)
  });
  const seesPublications = (actor) => can(actor, "MODEL_READ") || can(actor, "VERSION_PUBLISH");
  const reads = {
    async getVersionsByIds(actor, ids) {
      const found = await database.sql(
        { tenantId: actor.tenantId },
        (query) => store.findVersions(query, readerOf(actor), ids.filter(mayBeId))
      );
      return inOrder(ids, found, (version) => version.id);
    },
    getVersion: async (actor, id) => (await reads.getVersionsByIds(actor, [id]))[0] ?? null,
    async latestVersions(actor, modelIds) {
      const found = await database.sql(
        { tenantId: actor.tenantId },
        (query) => store.findLatest(query, readerOf(actor), modelIds)
      );
      return inOrder(modelIds, found, (version) => version.modelId);
    },
    latestVersion: async (actor, modelId) => (await reads.latestVersions(actor, [modelId]))[0] ?? null,
    async versionByNumber(actor, modelId, number) {
      if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) return null;
      return database.sql(
        { tenantId: actor.tenantId },
        (query) => store.findByNumber(query, readerOf(actor), modelId, number)
      );
    },
    async listVersions(actor, modelId, input) {
      const page = parsePageRequest(SORT, 1, input);
      if (!page.ok) return page;
      const [last] = page.value.after ?? [];
      if (last !== void 0 && !(Number.isInteger(last) && Math.abs(Number(last)) <= MAX_NUMBER)) {
        return refuse({
          code: "INVALID_INPUT",
          message: "after is not a cursor of this list.",
          path: ["after"]
        });
      }
      const rows = await database.sql(
        { tenantId: actor.tenantId },
        (query) => store.listVersions(query, readerOf(actor), modelId, page.value)
      );
      return ok(toPage(rows, page.value, SORT, (version) => [version.number]));
    },
    async getPublicationsByIds(actor, ids) {
      if (!seesPublications(actor)) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await database.sql(
        { tenantId },
        (query) => findPublications(query, tenantId, ids.filter(mayBeId))
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
      if (!can(actor, "ARTIFACT_DOWNLOAD")) return refuse(permissionDenied(actor, "ARTIFACT_DOWNLOAD"));
      if (!mayBeId(versionId)) return refuse(artifactNotFound());
      const found = await database.sql(
        { tenantId: actor.tenantId },
        (query) => store.findDownloadable(query, readerOf(actor), versionId)
      );
      if (found === null) return refuse(artifactNotFound());
      const { version, ownerSlug, modelName } = found;
      const open = (range) => openOrThrow(version, range);
      const firstBytes = await readAll(await open({ start: 0, end: 1 }));
      return ok({
        version,
        fileName: artifactFileName(ownerSlug, modelName, version, firstBytes),
        digest: version.digest,
        bytes: version.bytes,
        open
      });
    }
  };
  async function openOrThrow(version, range) {
    const stream = await artifacts.open(version.digest, range);
    if (stream === null) throw new Error(`The artifact of ${version.id} is missing from the store.`);
    return stream;
  }
  return Object.freeze(reads);
}
function inOrder(ids, found, idOf) {
  const byId = new Map(found.map((item) => [idOf(item), item]));
  return ids.map((id) => byId.get(id) ?? null);
}
async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
export {
  createVersionReads
};
//# sourceMappingURL=read-versions.js.map
