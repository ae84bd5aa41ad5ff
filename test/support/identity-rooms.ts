import { randomBytes } from 'node:crypto';
import type { Actor, Permission, Role, TenantActor, UserActor } from '../../src/domain/access/index.js';
import { createAuditService } from '../../src/domain/audit/index.js';
import {
  createIdentityService,
  createSecrets,
  type IdentityDeps,
  type SignedUp,
} from '../../src/domain/identity/index.js';
import { createTenantsService } from '../../src/domain/tenants/index.js';
import type { Transactions } from '../../src/database/index.js';
import { systemClock, type Clock } from '../../src/lib/clock.js';
import type { Result } from '../../src/lib/result.js';
import { createTestDatabase } from './postgres.js';

export const PASSWORD = 'correct horse battery';
export const CALLER = { requestId: 'req_test', clientAddress: '192.0.2.1' };

/** A clock that is moved by hand; it starts now, because tokens and rows also meet the real time. */
export function createMovableClock(): Clock & { advance(ms: number): void } {
  let offsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    monotonicMs: () => performance.now() + offsetMs,
    advance: (ms) => {
      offsetMs += ms;
    },
  };
}

/** The rooms audit, tenants and identity over a real database. */
export function createIdentityRooms(
  database: Transactions,
  options: Partial<IdentityDeps> & { defaultPredictionsPerMonth?: number | null } = {},
) {
  const clock = options.clock ?? systemClock;
  const audit = createAuditService({ database, clock });
  const { defaultPredictionsPerMonth = 1000 } = options;
  const tenants = createTenantsService({ database, clock, audit, defaultPredictionsPerMonth });
  const secrets = options.secrets ?? createSecrets(randomBytes(32).toString('base64'));
  const identity = createIdentityService({
    database,
    clock,
    audit,
    tenants,
    secrets,
    signUpMode: 'open',
    attemptLimits: {
      perEmail: { burst: 1000, intervalMs: 1 },
      perAddress: { burst: 1000, intervalMs: 1 },
    },
    ...options,
  });

  /** The actor that a request with this credential would have; throws when it is refused. */
  async function actorOf(credential: string, tenantHeader?: string): Promise<Actor> {
    const found = await identity.authenticate({
      authorization: `Bearer ${credential}`,
      tenantHeader: tenantHeader ?? null,
      requestId: 'req_test',
    });
    if (!found.ok || found.value === null) throw new Error('The credential was refused.');
    return found.value;
  }

  async function signUp(name = `person-${suffix()}`): Promise<SignedUp & { actor: UserActor & TenantActor }> {
    const email = `${name}@example.org`;
    const signedUp = valueOf(await identity.signUp(CALLER, { email, password: PASSWORD, name }));
    const actor = (await actorOf(signedUp.session.accessToken)) as UserActor & TenantActor;
    return { ...signedUp, actor };
  }

  /** A new person who joins the tenant of `owner` with the role. */
  async function join(owner: TenantActor, role: Role) {
    const name = `${role.toLowerCase()}-${suffix()}`;
    const email = `${name}@example.org`;
    const { token } = valueOf(await tenants.inviteMember(owner, { email, role }));
    const joined = valueOf(
      await identity.signUp(CALLER, { email, password: PASSWORD, name, invitationToken: token }),
    );
    const actor = (await actorOf(joined.session.accessToken)) as UserActor & TenantActor;
    const memberships = await tenants.membershipsOf(actor);
    return { ...joined, actor, membershipId: memberships[0]?.id ?? '' };
  }

  async function key(actor: TenantActor, scopes: Permission[]) {
    const made = valueOf(await identity.createApiKey(actor, { name: 'test', scopes }));
    return { ...made, actor: (await actorOf(made.secret)) as TenantActor };
  }

  return { clock, audit, tenants, identity, secrets, actorOf, signUp, join, key };
}

/** The same over a database of its own, for the tests of one file. */
export async function openIdentityRooms() {
  const db = await createTestDatabase();
  return { ...createIdentityRooms(db.database), db, stop: () => db.stop() };
}

export type OpenIdentityRooms = Awaited<ReturnType<typeof openIdentityRooms>>;

export function suffix(): string {
  return randomBytes(5).toString('hex');
}

export function valueOf<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`Refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The code of a refusal, or of the first of several; `null` when it was none. */
export function codeOf(result: Result<unknown, unknown>): string | null {
  if (result.ok) return null;
  const error = (Array.isArray(result.error) ? result.error[0] : result.error) as { code: string };
  return error.code;
}

/** `[code, path]` of each refusal. */
export function refusalsOf(result: Result<unknown, unknown>): [string, string | undefined][] {
  if (result.ok) return [];
  const errors = (Array.isArray(result.error) ? result.error : [result.error]) as {
    code: string;
    path?: string[];
  }[];
  return errors.map(({ code, path }) => [code, path?.join('.')]);
}
