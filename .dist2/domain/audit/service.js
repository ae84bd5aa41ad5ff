import { mayBeId, newId } from "../../lib/ids.js";
import { parsePageRequest, toPage } from "../../lib/page.js";
import { ok, refuse } from "../../lib/result.js";
import { can, permissionDenied } from "../access/index.js";
import {
  assertNothingSecret,
  shortened
} from "./audit-event.js";
import * as store from "./store.js";
const SORT = "audit";
function createAuditService({ database, clock }) {
  return Object.freeze({
    async record(tx, actor, event) {
      assertNothingSecret(event.details);
      const now = clock.now();
      await store.insertEvent(tx, actor.tenantId, {
        id: newId("auditEvent", now.getTime()),
        tenantId: actor.tenantId,
        action: event.action,
        subjectId: event.subjectId,
        userId: ("userId" in actor ? actor.userId : null) ?? null,
        apiKeyId: ("apiKeyId" in actor ? actor.apiKeyId : null) ?? null,
        requestId: actor.requestId,
        details: shortened(event.details),
        createdAt: now
      });
    },
    async auditLog(actor, input) {
      if (!can(actor, "AUDIT_READ")) return refuse(permissionDenied(actor, "AUDIT_READ"));
      const page = parsePageRequest(SORT, 1, input);
      if (!page.ok) return page;
      const { tenantId } = actor;
      const subjectId = input.subjectId ?? null;
      if (subjectId !== null && !mayBeId(subjectId))
        return ok(toPage([], page.value, SORT, () => []));
      const rows = await database.transaction(
        { tenantId },
        (tx) => store.listEvents(tx, tenantId, page.value, subjectId)
      );
      return ok(toPage(rows, page.value, SORT, (event) => [event.id]));
    },
    async getAuditEventsByIds(actor, ids) {
      if (!can(actor, "AUDIT_READ")) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await database.transaction({ tenantId }, (tx) => store.findEvents(tx, tenantId, ids));
      return ids.map((id) => found.find((event) => event.id === id) ?? null);
    }
  });
}
export {
  createAuditService
};
//# sourceMappingURL=service.js.map
