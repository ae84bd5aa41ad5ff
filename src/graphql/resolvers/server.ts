import { can } from '../../domain/access/index.js';
import type { Resolvers } from '../generated/resolvers.js';

const ISOLATIONS = { thread: 'THREAD', process: 'PROCESS' } as const;

export const serverResolvers = {
  Query: {
    serverInfo: (_root, _args, { actor, services: { server } }) => {
      const { kind, walls, threadsPerWorker } = server.isolation();
      return {
        version: server.version,
        runtimes: server.runtimes(),
        maxUploadBytes: server.maxUploadBytes,
        isolation: ISOLATIONS[kind],
        walls,
        threadsPerWorker,
        pool: actor !== null && can(actor, 'PLATFORM_OPERATE') ? server.pool() : null,
      };
    },
  },
} satisfies Pick<Resolvers, 'Query'>;
