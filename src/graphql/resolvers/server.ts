import { can } from '../../domain/access/index.js';
import type { Resolvers } from '../generated/resolvers.js';

export const serverResolvers = {
  Query: {
    serverInfo: (_root, _args, { actor, services: { server } }) => ({
      version: server.version,
      runtimes: server.runtimes(),
      maxUploadBytes: server.maxUploadBytes,
      isolation: 'THREAD' as const,
      pool: actor !== null && can(actor, 'PLATFORM_OPERATE') ? server.pool() : null,
    }),
  },
} satisfies Pick<Resolvers, 'Query'>;
