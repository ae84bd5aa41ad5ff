import { toConnection } from "../connection.js";
import { requireTenantActor } from "../context.js";
import { valueOrThrow } from "../payload.js";
const auditResolvers = {
  Query: {
    auditLog: async (_root, args, context) => toConnection(
      valueOrThrow(await context.services.audit.auditLog(requireTenantActor(context), args)),
      (args.after ?? null) === null
    )
  },
  AuditEvent: {
    details: ({ details }) => JSON.stringify(details)
  }
};
export {
  auditResolvers
};
//# sourceMappingURL=audit.js.map
