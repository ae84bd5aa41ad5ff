import { kindOfId, newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import {
  can,
  permissionDenied,
  permissionsOf,
  PERMISSIONS,
  type Actor,
  type Permission,
  type PermissionDenied,
  type TenantActor,
} from '../access/index.js';
import {
  checkName,
  invalidInput,
  type InvalidInput,
  type NotFound,
  type PageInput,
} from '../tenants/index.js';
import type { Tx } from '../../database/index.js';
import { hashApiKey, newApiKeySecret, shownPartsOf } from './api-key-secret.js';
import * as store from './api-key-store.js';
import type { IdentityParts } from './deps.js';
import { apiKeyNotFound, budgetedKeyCannotMint, keyOfSomebodyElse } from './errors.js';
import type { ApiKey } from './user.js';

export interface CreateApiKeyInput {
  readonly name: string;
  /** `DEFAULT_SCOPES` when absent. */
  readonly scopes?: readonly Permission[] | undefined;
  readonly expiresAt?: Date | null | undefined;
  readonly predictionsPerMonth?: number | null | undefined;
}

export interface NewApiKey {
  readonly apiKey: ApiKey;
  /** Shown this once; only its HMAC is kept. */
  readonly secret: string;
}

type CreateRefusal = InvalidInput | PermissionDenied;

/** What a program that uses models needs; the contract names the same. */
const DEFAULT_SCOPES: readonly Permission[] = ['MODEL_READ', 'PREDICTION_RUN', 'USAGE_READ'];

const SORT = 'apiKeys';

/** What the creator may hand on, read under a lock, so that a demotion at the same moment is not outrun. */
interface Ceiling {
  readonly permissions: ReadonlySet<Permission>;
  /** A key's child dies with it. */
  readonly expiresAt: Date | null;
  readonly createdBy: string | null;
}

/** Creates a key whose scopes are among the creator's own permissions. */
export async function createApiKey(
  parts: IdentityParts,
  actor: TenantActor,
  input: CreateApiKeyInput,
): Promise<Result<NewApiKey, CreateRefusal>> {
  if (!can(actor, 'API_KEY_MANAGE')) return refuse(permissionDenied(actor, 'API_KEY_MANAGE'));
  const { database, clock, audit, secrets } = parts;
  const name = checkName(input.name, 'name');
  if (!name.ok) return name;
  const now = clock.now();
  const wanted = input.scopes ?? DEFAULT_SCOPES;
  const mistake = checkTerms(input, wanted, now);
  if (mistake !== null) return refuse(mistake);
  const scopes = PERMISSIONS.filter((permission) => wanted.includes(permission));
  const secret = newApiKeySecret();
  const { tenantId } = actor;
  return database.transaction<Result<NewApiKey, CreateRefusal>>({ tenantId }, async (tx) => {
    const ceiling = await ceilingOf(tx, actor, now);
    if (!ceiling.ok) return ceiling;
    const { permissions, createdBy } = ceiling.value;
    const beyond = scopes.find((scope) => !permissions.has(scope) || !actor.permissions.has(scope));
    if (beyond !== undefined) return refuse(permissionDenied(actor, beyond));
    const latest = ceiling.value.expiresAt;
    const expiresAt = input.expiresAt ?? latest;
    if (latest !== null && expiresAt !== null && expiresAt > latest) {
      return refuse(
        invalidInput(['expiresAt'], 'expiresAt lies after the end of the API key that creates this one.'),
      );
    }
    const apiKey: ApiKey = {
      id: newId('apiKey', now.getTime()),
      tenantId,
      name: name.value,
      ...shownPartsOf(secret),
      scopes,
      predictionsPerMonth: input.predictionsPerMonth ?? null,
      createdBy,
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
      createdAt: now,
    };
    await store.insertApiKey(tx, tenantId, apiKey, hashApiKey(secrets, secret));
    await audit.record(tx, actor, {
      action: 'createApiKey',
      subjectId: apiKey.id,
      details: {
        name: apiKey.name,
        prefix: apiKey.prefix,
        scopes,
        expiresAt: expiresAt?.toISOString() ?? null,
        predictionsPerMonth: apiKey.predictionsPerMonth,
      },
    });
    return ok({ apiKey, secret });
  });
}

function checkTerms(input: CreateApiKeyInput, scopes: readonly Permission[], now: Date): InvalidInput | null {
  const { expiresAt, predictionsPerMonth } = input;
  const unknown = scopes.find((scope) => !PERMISSIONS.includes(scope));
  if (unknown !== undefined) return invalidInput(['scopes'], 'scopes names an unknown permission.');
  if (expiresAt && !(expiresAt.getTime() > now.getTime())) {
    return invalidInput(['expiresAt'], 'expiresAt must lie in the future.');
  }
  if (
    predictionsPerMonth !== null &&
    predictionsPerMonth !== undefined &&
    !(Number.isSafeInteger(predictionsPerMonth) && predictionsPerMonth >= 0)
  ) {
    return invalidInput(['predictionsPerMonth'], 'predictionsPerMonth must be a whole number, 0 or more.');
  }
  return null;
}

async function ceilingOf(tx: Tx, actor: TenantActor, now: Date): Promise<Result<Ceiling, PermissionDenied>> {
  const denied = refuse(permissionDenied(actor, 'API_KEY_MANAGE'));
  if (actor.kind === 'user') {
    const member = await store.lockRole(tx, actor.tenantId, actor.userId);
    if (member === null) return denied;
    const permissions = permissionsOf(member.role, member.isOperator);
    if (!permissions.has('API_KEY_MANAGE')) return denied;
    return ok({ permissions, expiresAt: null, createdBy: actor.userId });
  }
  const parent = await store.lockApiKey(tx, actor.tenantId, actor.apiKeyId);
  if (parent === null || parent.revokedAt !== null) return denied;
  if (parent.expiresAt !== null && parent.expiresAt <= now) return denied;
  if (parent.predictionsPerMonth !== null) return refuse(budgetedKeyCannotMint(actor));
  return ok({
    permissions: new Set(parent.scopes),
    expiresAt: parent.expiresAt,
    createdBy: parent.createdBy,
  });
}

/**
 * Revokes a key; it is refused from this reply on. Revoking a revoked key changes nothing and succeeds.
 * One's own keys need API_KEY_MANAGE, those of others MEMBER_MANAGE as well.
 */
export async function revokeApiKey(
  { database, clock, audit }: IdentityParts,
  actor: TenantActor,
  input: { readonly apiKeyId: string },
): Promise<Result<ApiKey, PermissionDenied | NotFound>> {
  if (!can(actor, 'API_KEY_MANAGE')) return refuse(permissionDenied(actor, 'API_KEY_MANAGE'));
  if (kindOfId(input.apiKeyId) !== 'apiKey') return refuse(apiKeyNotFound());
  const { tenantId } = actor;
  return database.transaction<Result<ApiKey, PermissionDenied | NotFound>>({ tenantId }, async (tx) => {
    const key = await store.lockApiKey(tx, tenantId, input.apiKeyId);
    if (key === null) return refuse(apiKeyNotFound());
    if (!can(actor, 'MEMBER_MANAGE') && !(await isOwnKey(tx, actor, key))) {
      return refuse(keyOfSomebodyElse(actor));
    }
    if (key.revokedAt !== null) return ok(key);
    const now = clock.now();
    await store.markRevoked(tx, tenantId, key.id, now);
    await audit.record(tx, actor, {
      action: 'revokeApiKey',
      subjectId: key.id,
      details: { name: key.name, prefix: key.prefix },
    });
    return ok({ ...key, revokedAt: now });
  });
}

/** A key may also revoke itself and what the same person made. */
async function isOwnKey(tx: Tx, actor: TenantActor, key: ApiKey): Promise<boolean> {
  if (actor.kind === 'user') return key.createdBy === actor.userId;
  if (key.id === actor.apiKeyId) return true;
  const [own] = await store.findApiKeys(tx, actor.tenantId, [actor.apiKeyId]);
  return own !== undefined && own.createdBy !== null && own.createdBy === key.createdBy;
}

/** The tenant's keys, newest first; `null` unless it is the actor's tenant and the actor holds API_KEY_READ. */
export async function apiKeys(
  { database }: IdentityParts,
  actor: Actor,
  tenantId: string,
  input: PageInput,
): Promise<Result<Page<ApiKey> | null, InvalidInput>> {
  if (actor.tenantId !== tenantId || !can(actor, 'API_KEY_READ')) return ok(null);
  const page = parsePageRequest(SORT, 1, input);
  if (!page.ok) return page;
  const rows = await database.transaction({ tenantId }, (tx) => store.listApiKeys(tx, tenantId, page.value));
  return ok(toPage(rows, page.value, SORT, ({ id }) => [id]));
}

/** In the order of the ids; with API_KEY_READ those of the tenant, without it a key sees itself. */
export async function getApiKeysByIds(
  { database }: IdentityParts,
  actor: Actor,
  ids: readonly string[],
): Promise<(ApiKey | null)[]> {
  const { tenantId } = actor;
  if (tenantId === null) return ids.map(() => null);
  const found = await database.transaction({ tenantId }, (tx) => store.findApiKeys(tx, tenantId, ids));
  const isOwn = (key: ApiKey) => actor.kind === 'apiKey' && key.id === actor.apiKeyId;
  const visible = can(actor, 'API_KEY_READ') ? found : found.filter(isOwn);
  return ids.map((id) => visible.find((key) => key.id === id) ?? null);
}
