/**
 * Credentials in force, remembered for a moment: see `fresh-cache.ts` for why what was revoked is refused from the reply
 * on. Of a credential itself nothing is kept but a hash or the ids of its row.
 */
import { hash } from 'node:crypto';
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { createFreshCache } from '../../lib/fresh-cache.js';
import { permissionsOf, type Permission } from '../access/index.js';
import { hashApiKey, isWellFormedApiKey } from './api-key-secret.js';
import {
  findLiveKeyAcrossTenants,
  findLiveSession,
  findRole,
  type LiveKeyRow,
  type SessionRow,
} from './credential-store.js';
import type { Secrets } from './secrets.js';

/** A key in force with what it may do now. One object for each reading of its row. */
export interface LiveKey extends Omit<LiveKeyRow, 'scopes' | 'createdBy' | 'isOperator'> {
  readonly permissions: ReadonlySet<Permission>;
}

/** A session in force, for the tenant that the request names. */
export interface LiveSession extends Omit<SessionRow, 'isOperator'> {
  readonly permissions: ReadonlySet<Permission>;
}

export interface LiveCredentials {
  /** By its secret, or whatever was sent for one. */
  key(secret: string): LiveKey | Promise<LiveKey | null>;
  session(
    userId: string,
    sessionId: string,
    tenantName: string | null,
  ): LiveSession | Promise<LiveSession | null>;
}

/** How long another process's revocation may stay unknown here when its announcement is lost. */
const MAX_AGE_MS = 1_000;
const MAX_REMEMBERED = 10_000;
const NOTHING: ReadonlySet<Permission> = new Set();

export function createLiveCredentials(
  database: Transactions,
  clock: Clock,
  secrets: Secrets,
): LiveCredentials {
  const shared = {
    maxEntries: MAX_REMEMBERED,
    maxAgeMs: MAX_AGE_MS,
    epoch: () => database.accessEpoch(),
    clock,
    endsAt: ({ expiresAt }: { readonly expiresAt: Date | null }) => expiresAt,
  };
  const keys = createFreshCache<LiveKey>(shared);
  const sessions = createFreshCache<LiveSession>(shared);

  async function readKey(secret: string): Promise<LiveKey | null> {
    // Its checksum is wrong: no need to look.
    if (!isWellFormedApiKey(secret)) return null;
    const proof = hashApiKey(secrets, secret);
    const row = await findLiveKeyAcrossTenants(database.single({ proof }), proof, clock.now());
    if (row === null) return null;
    const { id, tenantId, slug, expiresAt, isUseStale } = row;
    return Object.freeze({
      id,
      tenantId,
      slug,
      expiresAt,
      isUseStale,
      permissions: await permissionsOfKey(database, row),
    });
  }

  async function readSession(
    userId: string,
    sessionId: string,
    tenantName: string | null,
  ): Promise<LiveSession | null> {
    const query = database.single({ userId });
    const row = await findLiveSession(query, userId, sessionId, tenantName, clock.now());
    if (row === null) return null;
    const { tenantId, role, isOperator, expiresAt } = row;
    const permissions = role === null ? NOTHING : permissionsOf(role, isOperator === true);
    return Object.freeze({ tenantId, role, expiresAt, permissions });
  }

  return Object.freeze({
    key(secret: string) {
      // Not the secret, which should lie about nowhere, and not its proof, whose HMAC costs ten times as much.
      const fingerprint = hash('sha256', secret, 'base64');
      return keys.get(fingerprint, () => readKey(secret));
    },
    session(userId: string, sessionId: string, tenantName: string | null) {
      // Ids and names hold no space, so no two questions share a key.
      const key = `${userId} ${sessionId} ${tenantName ?? ''}`;
      return sessions.get(key, () => readSession(userId, sessionId, tenantName));
    },
  });
}

/**
 * The key's scopes, as far as anybody in its tenant could hold them. Keys outlive their maker, with one
 * exception: power over other tenants goes when the maker's own does.
 */
export async function permissionsOfKey(
  database: Transactions,
  { tenantId, isOperator, scopes, createdBy }: LiveKeyRow,
): Promise<ReadonlySet<Permission>> {
  const possible = permissionsOf('OWNER', isOperator);
  const permissions = new Set(scopes.filter((scope) => possible.has(scope)));
  if (permissions.has('PLATFORM_OPERATE')) {
    // A second transaction, for the few operators' keys only.
    const role =
      createdBy === null ? null : await findRole(database.single({ tenantId }), tenantId, createdBy);
    if (role === null || !permissionsOf(role, isOperator).has('PLATFORM_OPERATE')) {
      permissions.delete('PLATFORM_OPERATE');
    }
  }
  return permissions;
}
