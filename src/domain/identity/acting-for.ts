/** Who acts in work that goes on after its request: with what they may do now, not with what they could then. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId } from '../../lib/ids.js';
import { permissionsOf, type TenantActor } from '../access/index.js';
import { findLiveKeyById, findMember } from './credential-store.js';
import { permissionsOfKey } from './live-credentials.js';

/**
 * The actor that a user or API key of the tenant is at this moment; `null` when the key is revoked or expired, or
 * the user no member any more. That a session has ended does not matter: the work was asked for while it lasted.
 */
export async function actorNow(
  { database, clock }: { readonly database: Transactions; readonly clock: Clock },
  tenantId: string,
  authorId: string,
  requestId: string,
): Promise<TenantActor | null> {
  const query = database.single({ tenantId });
  if (kindOfId(authorId) === 'apiKey') {
    const key = await findLiveKeyById(query, tenantId, authorId, clock.now());
    if (key === null) return null;
    const permissions = await permissionsOfKey(database, key);
    return { kind: 'apiKey', apiKeyId: key.id, tenantId, permissions, requestId };
  }
  const member = await findMember(query, tenantId, authorId);
  if (member === null) return null;
  const { role, isOperator } = member;
  return {
    kind: 'user',
    userId: authorId,
    sessionId: '',
    tenantId,
    role,
    permissions: permissionsOf(role, isOperator),
    requestId,
  };
}
