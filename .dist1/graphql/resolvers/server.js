import { can } from "../../domain/access/index.js";
const serverResolvers = {
  Query: {
    serverInfo: (_root, _args, { actor, services: { server } }) => ({
      version: server.version,
      runtimes: server.runtimes(),
      maxUploadBytes: server.maxUploadBytes,
      isolation: "THREAD",
      pool: actor !== null && can(actor, "PLATFORM_OPERATE") ? server.pool() : null
    })
  }
};
export {
  serverResolvers
};
//# sourceMappingURL=server.js.map
