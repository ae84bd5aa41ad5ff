import { announcedDigest } from "./body-digest.js";
import { authenticateInTenant, sendRefusal } from "./refusal-reply.js";
import { DEFAULT_BODY_TIMES, readBody } from "./upload-body.js";
const PATH = "/uploads";
const LINGER_MS = 3e3;
async function registerUploadRoute(app, deps) {
  const sayContinue = deferContinue(app.server);
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.route({
      method: ["PUT", "POST"],
      url: PATH,
      handler: (request, reply) => receive(deps, sayContinue, request, reply)
    });
    done();
  });
}
async function receive(deps, sayContinue, request, reply) {
  reply.raw.once("finish", () => lingerThenClose(request.raw));
  const actor = await authenticateInTenant(deps.authenticate, request);
  if (!actor.ok) return sendRefusal(request, reply, actor.error);
  const encoding = request.headers["content-encoding"];
  if (encoding !== void 0 && encoding.toLowerCase() !== "identity") {
    const message = "Compressed request bodies are not read; send the file as it is.";
    return sendRefusal(request, reply, { code: "UNSUPPORTED_MEDIA_TYPE", message });
  }
  const digest = announcedDigest(request.headers);
  if (!digest.ok) return sendRefusal(request, reply, digest.error);
  const length = request.headers["content-length"];
  const body = readBody(
    request.raw,
    deps.bodyTimes ?? DEFAULT_BODY_TIMES,
    () => sayContinue(request.raw, reply.raw)
  );
  try {
    const received = await deps.versions.receiveUpload(actor.value, body.chunks, {
      expectedSha256: digest.value,
      // Node's parser lets nothing but digits through, and refuses a length beside a chunked body.
      contentLength: length === void 0 ? void 0 : Number(length),
      signal: body.tooSlow
    });
    if (received.ok) {
      const { id, digest: sha256, bytes, expiresAt } = received.value;
      return await reply.code(201).send({ upload: { id, sha256, bytes, expiresAt: expiresAt.toISOString() } });
    }
    if (body.tooSlow.aborted) {
      const message = "The body arrived too slowly. Nothing of it was kept; send it again.";
      return sendRefusal(request, reply, { code: "REQUEST_TIMEOUT", message });
    }
    return sendRefusal(request, reply, received.error);
  } finally {
    body.release();
  }
}
function lingerThenClose(request) {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.once("close", () => clearTimeout(timer));
  request.resume();
}
function deferContinue(server) {
  const expecting = /* @__PURE__ */ new WeakSet();
  server.on("checkContinue", (request, response) => {
    if (isUpload(request)) expecting.add(request);
    else response.writeContinue();
    server.emit("request", request, response);
  });
  return (request, response) => {
    if (expecting.delete(request)) response.writeContinue();
  };
}
function isUpload(request) {
  return request.url === PATH || request.url?.startsWith(`${PATH}?`) === true;
}
export {
  registerUploadRoute
};
//# sourceMappingURL=upload-route.js.map
