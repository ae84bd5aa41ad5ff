import { newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { claimNextVersionNumber } from "../catalog/index.js";
import { lockDigest } from "./digests.js";
import { importRefused } from "./errors.js";
import { markRefused, markSucceeded } from "./publications-store.js";
import { insertVersion } from "./versions-store.js";
const LEASE_LOST = { code: "LEASE_LOST", message: "Another process runs this publication." };
function createPublicationEnds(deps) {
  const { database, clock, artifacts, digests, audit } = deps;
  async function succeed(publication, owner, report) {
    const staged = await artifacts.stageFile(report.packPath);
    if (!staged.ok) {
      await refusePublication(publication, owner, notStored(staged.error));
      return null;
    }
    try {
      if (staged.value.digest !== report.packDigest) {
        throw new Error(`The pack of ${publication.id} is not the one that its import reported.`);
      }
      const made = await makeVersion(publication, owner, report, staged.value);
      if (made.ok) return made.value;
      await digests.releaseAcrossTenants(report.packDigest);
      if (made.error.code === "IMPORT_REFUSED") await refusePublication(publication, owner, made.error);
      return null;
    } finally {
      await staged.value.discard();
    }
  }
  function makeVersion(publication, owner, report, pack) {
    const { tenantId, modelId } = publication;
    return database.transaction(
      { tenantId },
      async (tx) => {
        await lockDigest(tx, pack.digest);
        const kept = await pack.keep();
        if (!kept.ok) return refuse(notStored(kept.error));
        const number = await claimNextVersionNumber(tx, tenantId, modelId);
        if (number === null) return refuse(modelGone());
        const version = versionOf(publication, number, report, clock.now());
        if (!await markSucceeded(tx, tenantId, publication.id, owner, version.id, version.createdAt)) {
          return refuse(LEASE_LOST);
        }
        await insertVersion(tx, tenantId, version);
        await record(tx, publication, "createVersion", version.id, {
          modelId,
          publicationId: publication.id,
          number,
          sha256: version.digest,
          format: version.format,
          runtime: version.runtime
        });
        return ok(version);
      }
    );
  }
  async function refusePublication(publication, owner, refusal) {
    const { tenantId, id } = publication;
    const ended = await database.transaction({ tenantId }, async (tx) => {
      if (!await markRefused(tx, tenantId, id, owner, refusal, clock.now())) return refuse(LEASE_LOST);
      await record(tx, publication, "refusePublication", id, {
        modelId: publication.modelId,
        sha256: publication.digest,
        reason: refusal.reason,
        subject: refusal.subject
      });
      return ok(null);
    });
    if (ended.ok) await digests.releaseAcrossTenants(publication.digest);
  }
  function record(tx, { tenantId, createdBy, requestId }, action, subjectId, details) {
    const isKey = createdBy?.startsWith("key_") === true;
    const author = {
      tenantId,
      requestId,
      userId: isKey ? null : createdBy,
      apiKeyId: isKey ? createdBy : null
    };
    return audit.record(tx, author, { action, subjectId, details });
  }
  return Object.freeze({ succeed, refuse: refusePublication });
}
function versionOf(publication, number, report, now) {
  return {
    id: newId("version", now.getTime()),
    tenantId: publication.tenantId,
    modelId: publication.modelId,
    number,
    format: report.format,
    producer: report.producer,
    digest: publication.digest,
    bytes: publication.bytes,
    packDigest: report.packDigest,
    packBytes: report.packBytes,
    signature: report.signature,
    runtime: report.runtime,
    trials: report.trials,
    parameterCount: report.parameterCount,
    weightBytes: report.weightBytes,
    operations: report.operations,
    findings: report.notes,
    notes: publication.notes,
    createdBy: publication.createdBy,
    createdAt: now
  };
}
function notStored(refusal) {
  return importRefused("LIMIT_EXCEEDED", {
    message: `The model was imported, but could not be stored: ${refusal.message}`,
    subject: null
  });
}
function modelGone() {
  return importRefused("IMPORT_CRASHED", {
    message: "The model was archived while the file was being imported, and an archived model is read-only.",
    subject: null
  });
}
export {
  createPublicationEnds
};
//# sourceMappingURL=end-publication.js.map
