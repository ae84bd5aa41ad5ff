import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import {
  assertNothingSecret,
  shortened,
  type AuditAuthor,
  type AuditDetails,
  type AuditEvent,
  type NewAuditEvent,
} from './audit-event.js';
import * as store from './store.js';

export interface AuditLogInput {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  /** Only events about this object. */
  readonly subjectId?: string | null | undefined;
}

export interface AuditService {
  /**
   * Writes one event in the caller's transaction, so that a change and its record are both there or both
   * not. Throws when details look like a secret: a bug of the caller.
   */
  record(tx: Tx, actor: TenantActor | AuditAuthor, event: NewAuditEvent): Promise<void>;
  /** The tenant's events, newest first. Needs AUDIT_READ. */
  auditLog(
    actor: TenantActor,
    input: AuditLogInput,
  ): Promise<Result<Page<AuditEvent>, PermissionDenied | Refusal<'INVALID_INPUT'>>>;
  /** In the order of the ids; `null` for what does not exist or may not be seen. */
  getAuditEventsByIds(actor: TenantActor, ids: readonly string[]): Promise<(AuditEvent | null)[]>;
}

export interface AuditDeps {
  readonly database: Transactions;
  readonly clock: Clock;
}

const SORT = 'audit';

export function createAuditService({ database, clock }: AuditDeps): AuditService {
  return Object.freeze({
    async record(tx: Tx, actor: TenantActor | AuditAuthor, event: NewAuditEvent) {
      assertNothingSecret(event.details);
      const now = clock.now();
      await store.insertEvent(tx, actor.tenantId, {
        id: newId('auditEvent', now.getTime()),
        tenantId: actor.tenantId,
        action: event.action,
        subjectId: event.subjectId,
        userId: ('userId' in actor ? actor.userId : null) ?? null,
        apiKeyId: ('apiKeyId' in actor ? actor.apiKeyId : null) ?? null,
        requestId: actor.requestId,
        details: shortened(event.details) as AuditDetails,
        createdAt: now,
      });
    },

    async auditLog(actor: TenantActor, input: AuditLogInput) {
      if (!can(actor, 'AUDIT_READ')) return refuse(permissionDenied(actor, 'AUDIT_READ'));
      const page = parsePageRequest(SORT, 1, input);
      if (!page.ok) return page;
      const { tenantId } = actor;
      const subjectId = input.subjectId ?? null;
      if (subjectId !== null && !mayBeId(subjectId))
        return ok(toPage<AuditEvent>([], page.value, SORT, () => []));
      const rows = await database.transaction({ tenantId }, (tx) =>
        store.listEvents(tx, tenantId, page.value, subjectId),
      );
      return ok(toPage(rows, page.value, SORT, (event) => [event.id]));
    },

    async getAuditEventsByIds(actor: TenantActor, ids: readonly string[]) {
      if (!can(actor, 'AUDIT_READ')) return ids.map(() => null);
      const { tenantId } = actor;
      const found = await database.transaction({ tenantId }, (tx) => store.findEvents(tx, tenantId, ids));
      return ids.map((id) => found.find((event) => event.id === id) ?? null);
    },
  });
}
