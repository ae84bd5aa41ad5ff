import { digestField } from "./body-digest.js";
import { parseRange } from "./byte-range.js";
import { sendError } from "./errors.js";
import { authenticateInTenant, sendRefusal } from "./refusal-reply.js";
function registerDownloadRoute(app, deps) {
  app.route({
    method: ["GET", "HEAD"],
    url: "/artifacts/:versionId",
    handler: async (request, reply) => {
      const actor = await authenticateInTenant(deps.authenticate, request);
      if (!actor.ok) return sendRefusal(request, reply, actor.error);
      const artifact = await deps.versions.openArtifact(actor.value, request.params.versionId);
      if (!artifact.ok) return sendRefusal(request, reply, artifact.error);
      return answer(request, reply, artifact.value);
    }
  });
}
async function answer(request, reply, artifact) {
  const etag = `"${artifact.digest}"`;
  void reply.headers({
    etag,
    "repr-digest": digestField(artifact.digest),
    "accept-ranges": "bytes",
    // The bytes never change, but whether one may have them does: ask again each time.
    "cache-control": "private, no-cache",
    vary: "authorization, souk-tenant"
  });
  if (namesEtag(request.headers["if-none-match"], etag)) return reply.code(304).send();
  const ifRange = request.headers["if-range"];
  const range = ifRange === void 0 || ifRange === etag ? parseRange(request.headers.range, artifact.bytes) : null;
  if (range === "unsatisfiable") {
    void reply.header("content-range", `bytes */${artifact.bytes}`);
    const message = `The range lies outside of the ${artifact.bytes} bytes of this artifact.`;
    return sendError(request, reply, { status: 416, code: "INVALID_INPUT", message });
  }
  void reply.headers({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${artifact.fileName}"`,
    "x-content-type-options": "nosniff",
    "content-length": range === null ? artifact.bytes : range.end - range.start + 1
  });
  if (range !== null)
    void reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${artifact.bytes}`);
  if (request.method === "HEAD") return reply.send();
  return reply.send(await artifact.open(range ?? void 0));
}
function namesEtag(header, etag) {
  if (header === void 0) return false;
  return header.split(",").some((part) => part.trim() === "*" || part.trim().replace(/^W\//, "") === etag);
}
export {
  registerDownloadRoute
};
//# sourceMappingURL=download-route.js.map
