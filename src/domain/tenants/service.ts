import type { Tx } from '../../database/index.js';
import { newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import {
  can,
  permissionDenied,
  type Actor,
  type PermissionDenied,
  type Role,
  type TenantActor,
} from '../access/index.js';
import type { TenantsDeps } from './deps.js';
import {
  slugTaken,
  type Conflict,
  type InvalidCredentials,
  type InvalidInput,
  type NotFound,
} from './errors.js';
import * as invitations from './invitation-store.js';
import { invitationTokens } from './invitation-token.js';
import {
  acceptInvitation,
  inviteMember,
  joinByInvitation,
  revokeInvitation,
  type NewInvitation,
} from './invitations.js';
import { changeMemberRole, removeMember, type MemberChangeRefusal } from './member-changes.js';
import { checkName, checkSlug } from './names.js';
import * as store from './store.js';
import type { Invitation, Membership, Tenant } from './tenant.js';

export interface PageInput {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** What a tenant is founded with; slug and name are checked already. */
export interface Founding {
  readonly tenantId: string;
  readonly slug: string;
  readonly name: string;
  readonly ownerUserId: string;
  readonly isOperator: boolean;
}

export interface TenantsService {
  /** Creates a tenant that the user owns. An API key cannot: a tenant needs a person as owner. */
  createTenant(
    actor: Actor,
    input: { readonly slug: string; readonly name?: string | null | undefined },
  ): Promise<Result<Tenant, InvalidInput | Conflict | PermissionDenied>>;
  updateTenant(
    actor: TenantActor,
    input: { readonly name: string },
  ): Promise<Result<Tenant, InvalidInput | PermissionDenied>>;
  inviteMember(
    actor: TenantActor,
    input: { readonly email: string; readonly role: Role },
  ): Promise<Result<NewInvitation, InvalidInput | PermissionDenied | Conflict>>;
  revokeInvitation(
    actor: TenantActor,
    input: { readonly invitationId: string },
  ): Promise<Result<{ invitationId: string }, PermissionDenied | NotFound>>;
  acceptInvitation(
    actor: Actor,
    input: { readonly token: string },
  ): Promise<Result<Membership, InvalidCredentials | Conflict>>;
  changeMemberRole(
    actor: TenantActor,
    input: { readonly membershipId: string; readonly role: Role },
  ): Promise<Result<Membership, MemberChangeRefusal>>;
  removeMember(
    actor: TenantActor,
    input: { readonly membershipId: string },
  ): Promise<Result<{ membershipId: string }, MemberChangeRefusal>>;

  /** In the order of the ids, `null` for what does not exist. Slug and name are public to every actor. */
  getTenantsByIds(actor: Actor, ids: readonly string[]): Promise<(Tenant | null)[]>;
  findTenantBySlug(actor: Actor, slug: string): Promise<Tenant | null>;
  /** The members of a tenant, oldest first; `null` unless it is the actor's and the actor holds TENANT_READ. */
  members(
    actor: Actor,
    tenantId: string,
    input: PageInput,
  ): Promise<Result<Page<Membership> | null, InvalidInput>>;
  /** Open invitations, oldest first; `null` unless it is the actor's tenant and the actor holds TENANT_READ. */
  invitations(actor: Actor, tenantId: string): Promise<Invitation[] | null>;
  /** All memberships of the acting user, oldest first; empty for an API key. */
  membershipsOf(actor: Actor): Promise<Membership[]>;
  /** In the order of the ids; own memberships, and with TENANT_READ those of the actor's tenant. */
  getMembershipsByIds(actor: Actor, ids: readonly string[]): Promise<(Membership | null)[]>;
  /** In the order of the ids; open invitations of the actor's tenant, with TENANT_READ. */
  getInvitationsByIds(actor: Actor, ids: readonly string[]): Promise<(Invitation | null)[]>;

  /**
   * For identity's sign-up and bootstrap: makes tenant, plan and ownership in the caller's transaction.
   * `null` when the slug is taken, or when an operator's tenant exists already.
   */
  foundTenant(tx: Tx, founding: Founding): Promise<Tenant | null>;
  /** For identity's sign-up: a tenant that must exist, in the caller's transaction. */
  getTenant(tx: Tx, tenantId: string): Promise<Tenant>;
  /** For identity's bootstrap. */
  hasOperatorTenantAcrossTenants(tx: Tx): Promise<boolean>;
  /** For identity's sign-up: the open invitation of a token, when it was made for the address. */
  findInvitationFor(email: string, token: string): Promise<Invitation | null>;
  /** For identity's sign-up: uses the invitation up in the caller's transaction. */
  joinByInvitation(
    tx: Tx,
    invitation: Invitation,
    userId: string,
  ): Promise<Result<Membership, InvalidCredentials | Conflict>>;
}

const MEMBERS_SORT = 'members';

export function createTenantsService(deps: TenantsDeps): TenantsService {
  const { database, clock, audit, defaultPredictionsPerMonth } = deps;

  async function foundTenant(tx: Tx, founding: Founding): Promise<Tenant | null> {
    const now = clock.now();
    const { tenantId, slug, name, isOperator, ownerUserId } = founding;
    const tenant: Tenant = { id: tenantId, slug, name, isOperator, createdAt: now };
    if (!(await store.insertTenant(tx, tenant))) return null;
    await store.insertPlan(tx, tenantId, defaultPredictionsPerMonth, now);
    await store.insertMembership(tx, tenantId, {
      id: newId('membership', now.getTime()),
      tenantId,
      userId: ownerUserId,
      role: 'OWNER',
      createdAt: now,
    });
    return tenant;
  }

  return Object.freeze({
    async createTenant(actor: Actor, input: { slug: string; name?: string | null | undefined }) {
      if (actor.kind === 'apiKey') return refuse(permissionDenied(actor, 'TENANT_WRITE'));
      const slug = checkSlug(input.slug, 'slug');
      if (!slug.ok) return slug;
      const name = checkName(input.name ?? slug.value, 'name');
      if (!name.ok) return name;
      const { userId, requestId } = actor;
      const tenantId = newId('tenant', clock.now().getTime());
      return database.transaction<Result<Tenant, Conflict>>({ tenantId, userId }, async (tx) => {
        const founding = { tenantId, slug: slug.value, name: name.value, ownerUserId: userId };
        const tenant = await foundTenant(tx, { ...founding, isOperator: false });
        if (tenant === null) return refuse(slugTaken(slug.value, 'slug'));
        await audit.record(
          tx,
          { tenantId, userId, requestId },
          { action: 'createTenant', subjectId: tenantId, details: { slug: tenant.slug, name: tenant.name } },
        );
        return ok(tenant);
      });
    },

    async updateTenant(actor: TenantActor, input: { name: string }) {
      if (!can(actor, 'TENANT_WRITE')) return refuse(permissionDenied(actor, 'TENANT_WRITE'));
      const name = checkName(input.name, 'name');
      if (!name.ok) return name;
      const { tenantId } = actor;
      return database.transaction<Result<Tenant, never>>({ tenantId }, async (tx) => {
        const tenant = await store.updateTenantName(tx, tenantId, name.value);
        const details = { name: name.value };
        await audit.record(tx, actor, { action: 'updateTenant', subjectId: tenantId, details });
        return ok(tenant);
      });
    },

    inviteMember: inviteMember.bind(null, deps),
    revokeInvitation: revokeInvitation.bind(null, deps),
    acceptInvitation: acceptInvitation.bind(null, deps),
    changeMemberRole: changeMemberRole.bind(null, deps),
    removeMember: removeMember.bind(null, deps),

    async getTenantsByIds(actor: Actor, ids: readonly string[]) {
      const found = await database.transaction(contextOf(actor), (tx) =>
        store.findTenantsAcrossTenants(tx, ids),
      );
      return inOrder(ids, found);
    },

    async findTenantBySlug(actor: Actor, slug: string) {
      if (!checkSlug(slug, 'slug').ok) return null;
      return database.transaction(contextOf(actor), (tx) => store.findTenantBySlugAcrossTenants(tx, slug));
    },

    async members(actor: Actor, tenantId: string, input: PageInput) {
      if (!mayReadMembers(actor, tenantId)) return ok(null);
      const page = parsePageRequest(MEMBERS_SORT, 1, input);
      if (!page.ok) return page;
      const rows = await database.transaction({ tenantId }, (tx) =>
        store.listMembers(tx, tenantId, page.value),
      );
      return ok(toPage(rows, page.value, MEMBERS_SORT, ({ id }) => [id]));
    },

    async invitations(actor: Actor, tenantId: string) {
      if (!mayReadMembers(actor, tenantId)) return null;
      return database.transaction({ tenantId }, (tx) =>
        invitations.listOpenInvitations(tx, tenantId, clock.now()),
      );
    },

    async membershipsOf(actor: Actor) {
      if (actor.kind === 'apiKey') return [];
      const { userId } = actor;
      return database.transaction({ userId }, (tx) => store.listMembershipsOfUserAcrossTenants(tx, userId));
    },

    async getMembershipsByIds(actor: Actor, ids: readonly string[]) {
      const found = await database.transaction(contextOf(actor), (tx) =>
        store.findMembershipsAcrossTenants(tx, ids),
      );
      const visible = found.filter(
        ({ userId, tenantId }) =>
          (actor.kind === 'user' && userId === actor.userId) || mayReadMembers(actor, tenantId),
      );
      return inOrder(ids, visible);
    },

    async getInvitationsByIds(actor: Actor, ids: readonly string[]) {
      const { tenantId } = actor;
      if (tenantId === null || !mayReadMembers(actor, tenantId)) return ids.map(() => null);
      const found = await database.transaction({ tenantId }, (tx) =>
        invitations.findOpenInvitations(tx, tenantId, ids, clock.now()),
      );
      return inOrder(ids, found);
    },

    foundTenant,
    async getTenant(tx: Tx, tenantId: string) {
      const [tenant] = await store.findTenantsAcrossTenants(tx, [tenantId]);
      if (tenant === undefined) throw new Error(`The tenant ${tenantId} does not exist.`);
      return tenant;
    },
    hasOperatorTenantAcrossTenants: store.hasOperatorTenantAcrossTenants,

    async findInvitationFor(email: string, token: string) {
      const proof = invitationTokens.hash(token);
      if (proof === null) return null;
      const found = await database.transaction({ proof }, (tx) =>
        invitations.findInvitationByTokenAcrossTenants(tx, proof, clock.now()),
      );
      return found?.email === email ? found : null;
    },

    joinByInvitation: joinByInvitation.bind(null, deps),
  });
}

/** For whom the database shall show rows: the actor's tenant and the actor as a person. */
function contextOf(actor: Actor) {
  return {
    tenantId: actor.tenantId ?? undefined,
    userId: actor.kind === 'user' ? actor.userId : undefined,
  };
}

function mayReadMembers(actor: Actor, tenantId: string): boolean {
  return actor.tenantId === tenantId && can(actor, 'TENANT_READ');
}

function inOrder<T extends { readonly id: string }>(ids: readonly string[], found: readonly T[]) {
  const byId = new Map(found.map((item) => [item.id, item]));
  return ids.map((id) => byId.get(id) ?? null);
}
