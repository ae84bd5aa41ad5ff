import { can } from '../../domain/access/index.js';
import type { Resolvers } from '../generated/resolvers.js';

const ISOLATIONS = { thread: 'THREAD', process: 'PROCESS' } as const;

export const serverResolvers = {
  Query: {
    serverInfo: async (_root, _args, { actor, services: { server } }) => {
      const { kind, walls, threadsPerWorker } = server.isolation();
      return {
        version: server.version,
        runtimes: server.runtimes(),
        maxUploadBytes: server.maxUploadBytes,
        isolation: ISOLATIONS[kind],
        walls,
        importWalls: await server.importWalls(),
        threadsPerWorker,
        pool: actor !== null && can(actor, 'PLATFORM_OPERATE') ? server.pool() : null,
      };
    },
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
} satisfies Pick<Resolvers, 'Query' | 'PoolWorker' | 'ResidentModel' | 'PoolQueue' | 'QuarantinedModel'>;

/** A version that was deleted or never published leaves its pack without a name. */
function namesOf(versions: readonly string[] | null): readonly string[] {
  return versions ?? [];
}
