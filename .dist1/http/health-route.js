import { createHash, timingSafeEqual } from "node:crypto";
import { sendError } from "./errors.js";
function healthRoute(options) {
  return (app) => {
    app.get("/healthz", () => ({ status: "ok", version: options.version }));
    app.get("/readyz", async (_request, reply) => {
      const { isReady, problems } = await options.checkReadiness();
      if (!isReady) void reply.code(503).header("retry-after", "1");
      return { status: isReady ? "ready" : "not ready", problems };
    });
    app.get("/metrics", async (request, reply) => {
      if (!mayReadMetrics(request, options.metricsToken)) {
        return sendError(request, reply, {
          status: 401,
          code: "UNAUTHENTICATED",
          message: "Metrics are open to this machine only; set METRICS_TOKEN and send it as `Authorization: Bearer`."
        });
      }
      const { contentType, text } = await options.metrics.render();
      return reply.type(contentType).send(text);
    });
  };
}
const FORWARDED = /^(x-forwarded-.*|forwarded|via|x-real-ip|(cf|true|fastly)-(connecting|client)-ip)$/;
function mayReadMetrics(request, token) {
  if (token !== null) {
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    return timingSafeEqual(digest(given), digest(token));
  }
  const { headers, socket } = request;
  const isForwarded = Object.keys(headers).some((name) => FORWARDED.test(name));
  return !isForwarded && isLoopback(socket.remoteAddress ?? "");
}
function isLoopback(address) {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
function digest(text) {
  return createHash("sha256").update(text).digest();
}
export {
  healthRoute
};
//# sourceMappingURL=health-route.js.map
