import { newId } from "../../lib/ids.js";
import { ok, refuse, unreachable } from "../../lib/result.js";
import {
  isDigest
} from "../../storage/index.js";
import { can, permissionDenied } from "../access/index.js";
import { lockDigest } from "./digests.js";
import * as errors from "./errors.js";
import {
  NOTHING_PENDING,
  roomFor,
  sumOfPending
} from "./upload.js";
import * as store from "./uploads-store.js";
import { createTurns } from "./turns.js";
function createReceiveUpload(deps) {
  const { database, clock, artifacts, digests, limits } = deps;
  const arriving = createArrivals();
  const inTurn = createTurns();
  return async (actor, source, input) => {
    if (!can(actor, "VERSION_PUBLISH")) return refuse(permissionDenied(actor, "VERSION_PUBLISH"));
    const mistake = mistakeIn(input, limits);
    if (mistake !== null) return refuse(mistake);
    if (arriving.count() >= limits.maxConcurrentUploads) return refuse(errors.uploadsOverloaded());
    const place = arriving.enter(actor.tenantId, input.contentLength ?? 0);
    try {
      const waiting = await database.transaction(
        { tenantId: actor.tenantId },
        (tx) => store.pendingOf(tx, actor.tenantId)
      );
      const room = roomFor(sumOfPending(waiting, place.others()), limits);
      if (room < Math.max(1, input.contentLength ?? 1)) return refuse(errors.tooManyUploads(limits));
      place.resize(input.contentLength ?? room);
      const staged = await artifacts.stage(source, {
        maxBytes: room,
        expectedDigest: input.expectedSha256,
        expectedBytes: input.contentLength,
        signal: input.signal
      });
      if (!staged.ok) return refuse(fromStorage(staged.error, limits));
      try {
        return await inTurn(actor.tenantId, () => record(actor, staged.value));
      } finally {
        await staged.value.discard();
      }
    } finally {
      place.leave();
    }
  };
  async function record(actor, staged) {
    if (staged.bytes === 0)
      return refuse(errors.invalidInput("The body is empty; send the bytes of a model file.", []));
    const { tenantId } = actor;
    try {
      return await database.transaction(
        { tenantId },
        async (tx) => {
          await store.lockPending(tx, tenantId);
          if (roomFor(await store.pendingOf(tx, tenantId), limits) < staged.bytes) {
            return refuse(errors.tooManyUploads(limits));
          }
          await lockDigest(tx, staged.digest);
          const kept = await staged.keep();
          if (!kept.ok) return refuse(fromStorage(kept.error, limits));
          const now = clock.now();
          const upload = {
            id: newId("upload", now.getTime()),
            tenantId,
            digest: staged.digest,
            bytes: staged.bytes,
            expiresAt: new Date(now.getTime() + limits.uploadTtlMs),
            createdAt: now
          };
          await store.insertUpload(tx, tenantId, upload);
          return ok(upload);
        }
      );
    } catch (error) {
      await digests.releaseAcrossTenants(staged.digest).catch(() => void 0);
      throw error;
    }
  }
}
function mistakeIn({ expectedSha256, contentLength }, limits) {
  if (expectedSha256 !== void 0 && !isDigest(expectedSha256)) {
    return errors.invalidInput("The announced SHA-256 must be 64 lower-case hexadecimal digits.", ["sha256"]);
  }
  if (contentLength === void 0) return null;
  if (!Number.isSafeInteger(contentLength) || contentLength < 1) {
    return errors.invalidInput("The body is empty; send the bytes of a model file.", []);
  }
  return contentLength > limits.maxUploadBytes ? errors.uploadTooLarge(limits.maxUploadBytes) : null;
}
function fromStorage(refusal, limits) {
  switch (refusal.code) {
    case "TOO_LARGE":
      return refusal.maxBytes < limits.maxUploadBytes ? errors.tooManyUploads(limits) : errors.uploadTooLarge(limits.maxUploadBytes);
    case "INTERRUPTED":
      return { code: "UPLOAD_INCOMPLETE", message: refusal.message };
    case "CHECKSUM_MISMATCH":
      return { code: "CHECKSUM_MISMATCH", message: refusal.message };
    case "STORAGE_FULL":
      return { code: "STORAGE_FULL", message: refusal.message };
    default:
      return unreachable(refusal);
  }
}
function createArrivals() {
  const byTenant = /* @__PURE__ */ new Map();
  let total = 0;
  return {
    count: () => total,
    enter(tenantId, bytes) {
      const mine = byTenant.get(tenantId) ?? /* @__PURE__ */ new Set();
      const body = { bytes };
      byTenant.set(tenantId, mine.add(body));
      total++;
      return {
        others: () => [...mine].reduce(
          (sum, other) => other === body ? sum : sumOfPending(sum, { count: 1, bytes: other.bytes }),
          NOTHING_PENDING
        ),
        resize(to) {
          body.bytes = to;
        },
        leave() {
          mine.delete(body);
          total--;
          if (mine.size === 0) byTenant.delete(tenantId);
        }
      };
    }
  };
}
export {
  createReceiveUpload
};
//# sourceMappingURL=receive-upload.js.map
