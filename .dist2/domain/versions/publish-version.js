import { mayBeId, newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import { modelArchived, modelNotFound } from "../catalog/index.js";
import * as errors from "./errors.js";
import { findIdByUpload, findOwnTarget, findPublications, insertPublication } from "./publications-store.js";
import { createTurns } from "./turns.js";
import { takeUpload } from "./uploads-store.js";
import { findVersions } from "./versions-store.js";
const MAX_NOTES_CHARACTERS = 1e4;
const DEFAULT_WAIT_MS = 6e4;
const MAX_WAIT_MS = 12e4;
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
function createPublishVersion(deps) {
  const { database, clock, audit, outcomes, wakeRunner } = deps;
  const inTurn = createTurns();
  return async (actor, input) => {
    if (!can(actor, "VERSION_PUBLISH")) return refuse(permissionDenied(actor, "VERSION_PUBLISH"));
    const notes = (input.notes ?? "").trim();
    const waitMs = input.waitMs ?? DEFAULT_WAIT_MS;
    const mistake = mistakeIn(notes, waitMs);
    if (mistake !== null) return refuse(mistake);
    const begun = await inTurn(actor.tenantId, () => begin(actor, input, notes));
    if (!begun.ok) return begun;
    const ended = outcomes.wait(begun.value.id, waitMs, input.signal);
    wakeRunner();
    await ended;
    const publication = await readPublication(actor, begun.value.id);
    return ok(await published(actor, publication ?? begun.value));
  };
  async function begin(actor, { modelId, uploadId }, notes) {
    const { tenantId } = actor;
    if (!mayBeId(modelId)) return refuse(modelNotFound());
    return database.transaction(
      { tenantId },
      async (tx) => {
        const model = await findOwnTarget(tx, tenantId, modelId);
        if (model === null) return refuse(modelNotFound());
        if (model.isArchived) return refuse(modelArchived());
        const now = clock.now();
        if (!mayBeId(uploadId)) return refuse(errors.uploadNotFound());
        const upload = await takeUpload(tx, tenantId, uploadId, now);
        if (upload === null) {
          const publicationId = await findIdByUpload(tx, tenantId, uploadId);
          return refuse(
            publicationId === null ? errors.uploadNotFound() : errors.uploadConsumed(publicationId)
          );
        }
        const publication = {
          id: newId("publication", now.getTime()),
          tenantId,
          modelId,
          uploadId,
          digest: upload.digest,
          bytes: upload.bytes,
          notes,
          status: "QUEUED",
          phase: null,
          progress: 0,
          versionId: null,
          refusal: null,
          createdBy: actor.kind === "user" ? actor.userId : actor.apiKeyId,
          requestId: actor.requestId,
          attempts: 0,
          createdAt: now,
          finishedAt: null
        };
        await insertPublication(tx, tenantId, publication);
        await audit.record(tx, actor, {
          action: "publishVersion",
          subjectId: modelId,
          details: { publicationId: publication.id, uploadId, sha256: upload.digest, bytes: upload.bytes }
        });
        return ok(publication);
      }
    );
  }
  async function readPublication(actor, id) {
    const { tenantId } = actor;
    const [found] = await database.sql({ tenantId }, (query) => findPublications(query, tenantId, [id]));
    return found ?? null;
  }
  async function published(actor, publication) {
    const { versionId, refusal } = publication;
    if (versionId === null) return { publication, version: null, errors: refusal === null ? [] : [refusal] };
    const reader = { tenantId: actor.tenantId, readsForTenant: true };
    const [version] = await database.sql(
      { tenantId: actor.tenantId },
      (query) => findVersions(query, reader, [versionId])
    );
    return { publication, version: version ?? null, errors: [] };
  }
}
function mistakeIn(notes, waitMs) {
  if (notes.length > MAX_NOTES_CHARACTERS) {
    return errors.invalidInput(`notes has ${notes.length} characters; at most 10,000 are kept.`, ["notes"]);
  }
  if (CONTROL_CHARACTERS.test(notes)) {
    return errors.invalidInput("notes holds control characters; send plain text or Markdown.", ["notes"]);
  }
  if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > MAX_WAIT_MS) {
    return errors.invalidInput(`waitMs must be a whole number from 0 to ${MAX_WAIT_MS}.`, ["waitMs"]);
  }
  return null;
}
export {
  createPublishVersion
};
//# sourceMappingURL=publish-version.js.map
