import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role, TenantActor } from '../../../src/domain/access/index.js';
import {
  codeOf,
  openIdentityRooms,
  type OpenIdentityRooms,
  suffix,
  valueOf,
} from '../../support/identity-rooms.js';

let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(() => rooms.stop());

async function membershipOf(actor: TenantActor): Promise<string> {
  const found = (await rooms.tenants.membershipsOf(actor)).find(
    ({ tenantId }) => tenantId === actor.tenantId,
  );
  return found?.id ?? '';
}

describe('a tenant', () => {
  it('is created with its owner, a plan and an event', async () => {
    const { actor } = await rooms.signUp();
    const slug = `lab-${suffix()}`;
    const tenant = valueOf(await rooms.tenants.createTenant(actor, { slug, name: ' The Lab ' }));
    expect(tenant).toMatchObject({ slug, name: 'The Lab', isOperator: false });
    const plans = await rooms.db.asOwner(
      'SELECT predictions_per_month FROM tenant_plans WHERE tenant_id = $1',
      [tenant.id],
    );
    expect(plans).toEqual([{ predictions_per_month: '1000' }]);
    const memberships = await rooms.tenants.membershipsOf(actor);
    expect(memberships.map(({ role }) => role)).toEqual(['OWNER', 'OWNER']);
    const events = await rooms.db.asOwner('SELECT action, user_id FROM audit_events WHERE tenant_id = $1', [
      tenant.id,
    ]);
    expect(events).toEqual([{ action: 'createTenant', user_id: actor.userId }]);
  });

  it('has a slug of its own', async () => {
    const { actor, tenant } = await rooms.signUp();
    const again = await rooms.tenants.createTenant(actor, { slug: tenant.slug });
    expect(codeOf(again)).toBe('CONFLICT');
    const bad = await rooms.tenants.createTenant(actor, { slug: 'Not A Slug' });
    expect(codeOf(bad)).toBe('INVALID_INPUT');
    expect(await rooms.tenants.membershipsOf(actor)).toHaveLength(1);
  });

  it('is created by a person, not by a key', async () => {
    const { actor } = await rooms.signUp();
    const key = await rooms.key(actor, ['TENANT_WRITE', 'TENANT_READ']);
    expect(codeOf(await rooms.tenants.createTenant(key.actor, { slug: `x-${suffix()}` }))).toBe(
      'PERMISSION_DENIED',
    );
  });

  it('changes its name with TENANT_WRITE only', async () => {
    const { actor } = await rooms.signUp();
    const developer = await rooms.join(actor, 'DEVELOPER');
    expect(codeOf(await rooms.tenants.updateTenant(developer.actor, { name: 'Mine' }))).toBe(
      'PERMISSION_DENIED',
    );
    expect(codeOf(await rooms.tenants.updateTenant(actor, { name: '\u202eevil' }))).toBe('INVALID_INPUT');
    expect(valueOf(await rooms.tenants.updateTenant(actor, { name: 'Ours' })).name).toBe('Ours');
  });

  it('keeps its slug and its operator flag, whatever a statement of the application says', async () => {
    const { actor } = await rooms.signUp();
    const { tenantId } = actor;
    for (const change of ["slug = 'stolen-slug'", 'is_operator = true']) {
      await expect(
        rooms.db.database.sql({ tenantId }, (query) =>
          query(`UPDATE tenants SET ${change} WHERE id = $1`, [tenantId]),
        ),
      ).rejects.toThrow(/permission denied/);
    }
  });

  it('shows slug and name to every actor, members to its own only', async () => {
    const one = await rooms.signUp();
    const two = await rooms.signUp();
    const found = await rooms.tenants.getTenantsByIds(two.actor, [
      one.tenant.id,
      'ten_nothing',
      two.tenant.id,
    ]);
    expect(found.map((tenant) => tenant?.slug ?? null)).toEqual([one.tenant.slug, null, two.tenant.slug]);
    expect((await rooms.tenants.findTenantBySlug(two.actor, one.tenant.slug))?.id).toBe(one.tenant.id);
    expect(valueOf(await rooms.tenants.members(two.actor, one.tenant.id, {}))).toBeNull();
    expect(await rooms.tenants.invitations(two.actor, one.tenant.id)).toBeNull();
    const membershipId = await membershipOf(one.actor);
    expect(await rooms.tenants.getMembershipsByIds(two.actor, [membershipId])).toEqual([null]);
    expect(await rooms.tenants.getMembershipsByIds(one.actor, [membershipId])).toMatchObject([
      { role: 'OWNER' },
    ]);
  });

  it('lists its members in pages', async () => {
    const { actor } = await rooms.signUp();
    for (const role of ['ADMIN', 'DEVELOPER', 'VIEWER', 'VIEWER'] as Role[]) await rooms.join(actor, role);
    const first = valueOf(await rooms.tenants.members(actor, actor.tenantId, { first: 3 }));
    expect(first).toMatchObject({ hasNextPage: true, items: { length: 3 } });
    const after = first?.cursors.at(-1);
    const second = valueOf(await rooms.tenants.members(actor, actor.tenantId, { first: 3, after }));
    expect(second).toMatchObject({ hasNextPage: false, items: { length: 2 } });
    const ids = [...(first?.items ?? []), ...(second?.items ?? [])].map(({ id }) => id);
    expect(new Set(ids).size).toBe(5);
    expect(codeOf(await rooms.tenants.members(actor, actor.tenantId, { first: 101 }))).toBe('INVALID_INPUT');
  });
});

describe('a role', () => {
  it('changes with the next request', async () => {
    const { actor } = await rooms.signUp();
    const viewer = await rooms.join(actor, 'VIEWER');
    const { membershipId } = viewer;
    const changed = valueOf(await rooms.tenants.changeMemberRole(actor, { membershipId, role: 'DEVELOPER' }));
    expect(changed.role).toBe('DEVELOPER');
    const now = await rooms.actorOf(viewer.session.accessToken);
    expect(now.permissions.has('PREDICTION_RUN')).toBe(true);
  });

  it('is given and taken only by those who have it or more, OWNER only by an owner', async () => {
    const { actor: owner } = await rooms.signUp();
    const admin = await rooms.join(owner, 'ADMIN');
    const viewer = await rooms.join(owner, 'VIEWER');
    const change = (actor: TenantActor, membershipId: string, role: Role) =>
      rooms.tenants.changeMemberRole(actor, { membershipId, role });
    const ownerId = await membershipOf(owner);
    expect(codeOf(await change(admin.actor, ownerId, 'VIEWER'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await change(admin.actor, viewer.membershipId, 'OWNER'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await change(admin.actor, admin.membershipId, 'OWNER'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await change(viewer.actor, viewer.membershipId, 'ADMIN'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await rooms.tenants.removeMember(admin.actor, { membershipId: ownerId }))).toBe(
      'PERMISSION_DENIED',
    );
    expect(codeOf(await change(admin.actor, viewer.membershipId, 'ADMIN'))).toBeNull();
    expect(codeOf(await change(owner, admin.membershipId, 'OWNER'))).toBeNull();
  });

  it('is not given by a key beyond its scopes', async () => {
    const { actor: owner } = await rooms.signUp();
    const viewer = await rooms.join(owner, 'VIEWER');
    const key = await rooms.key(owner, ['TENANT_READ', 'MODEL_READ', 'USAGE_READ', 'MEMBER_MANAGE']);
    const change = (role: Role) =>
      rooms.tenants.changeMemberRole(key.actor, { membershipId: viewer.membershipId, role });
    expect(codeOf(await change('DEVELOPER'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await change('ADMIN'))).toBe('PERMISSION_DENIED');
    const invite = (role: Role) =>
      rooms.tenants.inviteMember(key.actor, { email: `${suffix()}@example.org`, role });
    expect(codeOf(await invite('ADMIN'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await invite('VIEWER'))).toBeNull();
  });

  it('of somebody in another tenant does not exist', async () => {
    const one = await rooms.signUp();
    const two = await rooms.signUp();
    const membershipId = await membershipOf(one.actor);
    expect(codeOf(await rooms.tenants.changeMemberRole(two.actor, { membershipId, role: 'VIEWER' }))).toBe(
      'NOT_FOUND',
    );
    expect(codeOf(await rooms.tenants.removeMember(two.actor, { membershipId }))).toBe('NOT_FOUND');
    expect(codeOf(await rooms.tenants.removeMember(two.actor, { membershipId: 'rubbish' }))).toBe(
      'NOT_FOUND',
    );
  });
});

describe('the last owner', () => {
  it('can neither leave nor step down', async () => {
    const { actor } = await rooms.signUp();
    await rooms.join(actor, 'ADMIN');
    const membershipId = await membershipOf(actor);
    expect(codeOf(await rooms.tenants.removeMember(actor, { membershipId }))).toBe('CONFLICT');
    expect(codeOf(await rooms.tenants.changeMemberRole(actor, { membershipId, role: 'ADMIN' }))).toBe(
      'CONFLICT',
    );
  });

  it('remains when all owners leave, or unmake each other, at once', async () => {
    for (const deed of ['leave', 'unmake'] as const) {
      const { actor: first } = await rooms.signUp();
      const others = [];
      for (let i = 0; i < 3; i++) others.push((await rooms.join(first, 'OWNER')).actor);
      const owners = [first, ...others];
      const ids = await Promise.all(owners.map(membershipOf));
      const results = await Promise.all(
        owners.map((owner, i) =>
          deed === 'leave'
            ? rooms.tenants.removeMember(owner, { membershipId: ids[i] ?? '' })
            : rooms.tenants.changeMemberRole(owner, { membershipId: ids[(i + 1) % 4] ?? '', role: 'VIEWER' }),
        ),
      );
      const left = await rooms.db.asOwner<{ n: number }>(
        `SELECT count(*)::int AS n FROM memberships WHERE tenant_id = $1 AND role = 'OWNER'`,
        [first.tenantId],
      );
      expect(left[0]?.n).toBeGreaterThanOrEqual(1);
      if (deed === 'leave') expect(results.map(codeOf).sort()).toEqual(['CONFLICT', null, null, null].sort());
    }
  });
});

describe('a removed member', () => {
  it('is out with the reply, and may still sign in', async () => {
    const { actor, tenant } = await rooms.signUp();
    const developer = await rooms.join(actor, 'DEVELOPER');
    const { membershipId } = developer;
    expect(valueOf(await rooms.tenants.removeMember(actor, { membershipId }))).toEqual({ membershipId });
    const now = await rooms.actorOf(developer.session.accessToken);
    expect(now).toMatchObject({ tenantId: null, role: null });
    expect(now.permissions.size).toBe(0);
    await expect(rooms.actorOf(developer.session.accessToken, tenant.slug)).rejects.toThrow();
  });

  it('may be oneself, without any permission', async () => {
    const { actor } = await rooms.signUp();
    const viewer = await rooms.join(actor, 'VIEWER');
    const other = await rooms.join(actor, 'VIEWER');
    const remove = (membershipId: string) => rooms.tenants.removeMember(viewer.actor, { membershipId });
    expect(codeOf(await remove(other.membershipId))).toBe('PERMISSION_DENIED');
    expect(codeOf(await remove('mbr_00000000000000000000000000'))).toBe('PERMISSION_DENIED');
    expect(codeOf(await remove(viewer.membershipId))).toBeNull();
  });

  it('leaves no open invitation behind through which to come back', async () => {
    const { actor } = await rooms.signUp();
    const admin = await rooms.join(actor, 'ADMIN');
    const email = `${suffix()}@example.org`;
    valueOf(await rooms.tenants.inviteMember(admin.actor, { email, role: 'ADMIN' }));
    valueOf(await rooms.tenants.removeMember(actor, { membershipId: admin.membershipId }));
    expect(await rooms.tenants.invitations(actor, actor.tenantId)).toEqual([]);
  });
});
