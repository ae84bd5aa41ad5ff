import { toConnection } from '../connection.js';
import { requireTenantActor } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';
import { valueOrThrow } from '../payload.js';

export const auditResolvers = {
  Query: {
    auditLog: async (_root, args, context) =>
      toConnection(
        valueOrThrow(await context.services.audit.auditLog(requireTenantActor(context), args)),
        (args.after ?? null) === null,
      ),
  },

  AuditEvent: {
    details: ({ details }) => JSON.stringify(details),
  },
} satisfies Pick<Resolvers, 'Query' | 'AuditEvent'>;
