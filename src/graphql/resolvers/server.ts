import { can } from '../../domain/access/index.js';
import type { Resolvers } from '../generated/resolvers.js';

const ISOLATIONS = { thread: 'THREAD', process: 'PROCESS' } as const;

export const serverResolvers = {
  Query: {
    serverInfo: (_root, _args, { services: { server } }) => server,
  },

  ServerInfo: {
    runtimes: (server) => server.runtimes(),
    isolation: (server) => ISOLATIONS[server.isolation().kind],
    walls: (server) => server.isolation().walls,
    // Examined at the first question, which takes a moment: whoever does not ask does not wait.
    importWalls: (server) => server.importWalls(),
    threadsPerWorker: (server) => server.isolation().threadsPerWorker,
    pool: (server, _args, { actor }) =>
      actor !== null && can(actor, 'PLATFORM_OPERATE') ? server.pool() : null,
  },

  PoolWorker: {
    running: async ({ busyWith }, _args, { loaders }) =>
      busyWith === null ? [] : namesOf(await loaders.packVersions.load(busyWith)),
  },

  ResidentModel: {
    packSha256: ({ packDigest }) => packDigest,
    versions: async ({ packDigest }, _args, { loaders }) =>
      namesOf(await loaders.packVersions.load(packDigest)),
  },

  PoolQueue: {
    tenant: ({ fairnessKey }, _args, { loaders }) => loaders.tenants.load(fairnessKey),
  },

  QuarantinedModel: {
    packSha256: ({ packDigest }) => packDigest,
    versions: async ({ packDigest }, _args, { loaders }) =>
      namesOf(await loaders.packVersions.load(packDigest)),
  },
} satisfies Pick<
  Resolvers,
  'Query' | 'ServerInfo' | 'PoolWorker' | 'ResidentModel' | 'PoolQueue' | 'QuarantinedModel'
>;

/** A version that was deleted or never published leaves its pack without a name. */
function namesOf(versions: readonly string[] | null): readonly string[] {
  return versions ?? [];
}
