import type { SqlQuery } from '../../database/index.js';
import type { Permission, Role } from '../access/index.js';

// What every request depends on: one statement each, plain SQL. Remembered for a moment, see `live-credentials.ts`.

export interface SessionRow {
  readonly tenantId: string | null;
  readonly role: Role | null;
  readonly isOperator: boolean | null;
  readonly expiresAt: Date;
}

/**
 * A live session of the user with the membership that the request is for: the one of the named tenant
 * (slug or id), or the oldest. No row: the session has ended. In the user's own transaction.
 */
export async function findLiveSession(
  query: SqlQuery,
  userId: string,
  sessionId: string,
  tenantName: string | null,
  now: Date,
): Promise<SessionRow | null> {
  const rows = await query<SessionRow>(
    `SELECT m.tenant_id AS "tenantId", m.role, m.is_operator AS "isOperator", s.expires_at AS "expiresAt"
     FROM sessions s
     LEFT JOIN LATERAL (
         SELECT m.tenant_id, m.role, t.is_operator
         FROM memberships m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.user_id = s.user_id AND ($3::text IS NULL OR t.slug = $3 OR t.id = $3)
         ORDER BY m.created_at, m.id
         LIMIT 1
     ) m ON true
     WHERE s.id = $2 AND s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > $4`,
    [userId, sessionId, tenantName, now],
  );
  return rows[0] ?? null;
}

export interface LiveKeyRow {
  readonly id: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly isOperator: boolean;
  readonly scopes: readonly Permission[];
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
  /** Not used for a minute, as far as is recorded. */
  readonly isUseStale: boolean;
}

/** A key in force, by the hash of its secret, which must be the transaction's proof. */
export async function findLiveKeyAcrossTenants(
  query: SqlQuery,
  secretHash: string,
  now: Date,
): Promise<LiveKeyRow | null> {
  const rows = await query<LiveKeyRow>(
    `SELECT k.id, k.tenant_id AS "tenantId", t.slug, t.is_operator AS "isOperator", k.scopes,
         k.created_by AS "createdBy", k.expires_at AS "expiresAt",
         (k.last_used_at IS NULL OR k.last_used_at <= $2::timestamptz - interval '1 minute') AS "isUseStale"
     FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
     WHERE k.secret_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)`,
    [secretHash, now],
  );
  return rows[0] ?? null;
}

/** The role of a member now, in a transaction of the tenant. */
export async function findRole(query: SqlQuery, tenantId: string, userId: string): Promise<Role | null> {
  const rows = await query<{ role: Role }>(
    'SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2',
    [tenantId, userId],
  );
  return rows[0]?.role ?? null;
}

/** A key in force, by its id, in a transaction of its tenant: for work that goes on after the request. */
export async function findLiveKeyById(
  query: SqlQuery,
  tenantId: string,
  id: string,
  now: Date,
): Promise<LiveKeyRow | null> {
  const rows = await query<LiveKeyRow>(
    `SELECT k.id, k.tenant_id AS "tenantId", t.slug, t.is_operator AS "isOperator", k.scopes,
         k.created_by AS "createdBy", k.expires_at AS "expiresAt", false AS "isUseStale"
     FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
     WHERE k.id = $2 AND k.tenant_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)`,
    [tenantId, id, now],
  );
  return rows[0] ?? null;
}

/** A member now, in a transaction of the tenant. */
export async function findMember(
  query: SqlQuery,
  tenantId: string,
  userId: string,
): Promise<{ readonly role: Role; readonly isOperator: boolean } | null> {
  const rows = await query<{ role: Role; isOperator: boolean }>(
    `SELECT m.role, t.is_operator AS "isOperator" FROM memberships m JOIN tenants t ON t.id = m.tenant_id
     WHERE m.tenant_id = $1 AND m.user_id = $2`,
    [tenantId, userId],
  );
  return rows[0] ?? null;
}
