import fastifyStatic from "@fastify/static";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { builtEntry } from "../lib/built-entry.js";
import { GRAPHIQL_CSP } from "./security-headers.js";
function createGraphiqlPage() {
  const directory = fileURLToPath(builtEntry(import.meta.url, "../graphiql/"));
  const page = existsSync(`${directory}index.html`) ? readFileSync(`${directory}index.html`, "utf8") : null;
  const send = (reply) => page === null ? reply.code(404).type("text/plain").send("GraphiQL was not built: run `npm run setup`.\n") : reply.header("content-security-policy", GRAPHIQL_CSP).type("text/html; charset=utf-8").send(page);
  return Object.freeze({
    send,
    route: async (app) => {
      app.get("/graphiql", (_request, reply) => send(reply));
      app.get("/", (_request, reply) => reply.redirect("/graphiql"));
      if (page === null) return;
      await app.register(fastifyStatic, {
        root: directory,
        prefix: "/graphiql/",
        // One route per file that was there at the start: no path of a client ever reaches the disk.
        wildcard: false,
        index: false,
        decorateReply: false,
        // The names carry a hash of the content.
        immutable: true,
        maxAge: "365d"
      });
    }
  });
}
export {
  createGraphiqlPage
};
//# sourceMappingURL=graphiql-route.js.map
