import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  CALLER,
  codeOf,
  createIdentityRooms,
  createMovableClock,
  openIdentityRooms,
  type OpenIdentityRooms,
  PASSWORD,
  suffix,
  valueOf,
} from '../../support/identity-rooms.js';

const DAY_MS = 24 * 60 * 60 * 1000;
let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(() => rooms.stop());

it('an invitation is stored as a hash and accepted once, by the person it names', async () => {
  const { actor: owner } = await rooms.signUp();
  const guest = await rooms.signUp();
  const stranger = await rooms.signUp();
  const { invitation, token } = valueOf(
    await rooms.tenants.inviteMember(owner, { email: guest.user.email.toUpperCase(), role: 'DEVELOPER' }),
  );
  const stored = await rooms.db.asOwner('SELECT token_hash FROM invitations WHERE id = $1', [invitation.id]);
  expect(stored).toEqual([{ token_hash: createHash('sha256').update(token).digest('hex') }]);

  expect(codeOf(await rooms.tenants.acceptInvitation(stranger.actor, { token }))).toBe('INVALID_CREDENTIALS');
  const membership = valueOf(await rooms.tenants.acceptInvitation(guest.actor, { token }));
  expect(membership).toMatchObject({ tenantId: owner.tenantId, userId: guest.user.id, role: 'DEVELOPER' });
  expect(codeOf(await rooms.tenants.acceptInvitation(guest.actor, { token }))).toBe('INVALID_CREDENTIALS');
  expect(await rooms.tenants.invitations(owner, owner.tenantId)).toEqual([]);

  const log = await rooms.db.asOwner<{ text: string }>('SELECT details::text AS text FROM audit_events');
  expect(log.length).toBeGreaterThan(3);
  expect(log.filter(({ text }) => text.includes(token))).toEqual([]);
});

it('of ten who accept the same invitation at once, one becomes a member', async () => {
  const { actor: owner } = await rooms.signUp();
  const guest = await rooms.signUp();
  const { token } = valueOf(
    await rooms.tenants.inviteMember(owner, { email: guest.user.email, role: 'VIEWER' }),
  );
  const results = await Promise.all(
    Array.from({ length: 10 }, () => rooms.tenants.acceptInvitation(guest.actor, { token })),
  );
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await rooms.tenants.membershipsOf(guest.actor)).toHaveLength(2);
});

it('an invitation is worthless after seven days, after it was revoked, and after it was replaced', async () => {
  const clock = createMovableClock();
  const later = createIdentityRooms(rooms.db.database, { clock });
  const { actor: owner } = await later.signUp();
  const email = `${suffix()}@example.org`;
  const invite = async () => valueOf(await later.tenants.inviteMember(owner, { email, role: 'VIEWER' }));
  const join = (invitationToken: string) =>
    later.identity.signUp(CALLER, { email, password: PASSWORD, name: 'Guest', invitationToken });

  const replaced = await invite();
  const revoked = await invite();
  expect(codeOf(await join(replaced.token))).toBe('INVALID_CREDENTIALS');
  const invitationId = revoked.invitation.id;
  expect(valueOf(await later.tenants.revokeInvitation(owner, { invitationId }))).toEqual({ invitationId });
  expect(codeOf(await later.tenants.revokeInvitation(owner, { invitationId }))).toBe('NOT_FOUND');
  expect(codeOf(await join(revoked.token))).toBe('INVALID_CREDENTIALS');

  const expired = await invite();
  clock.advance(7 * DAY_MS + 1000);
  expect(codeOf(await join(expired.token))).toBe('INVALID_CREDENTIALS');
  const users = await rooms.db.asOwner('SELECT id FROM users WHERE email = $1', [email]);
  expect(users).toEqual([]);
  const fresh = await invite();
  clock.advance(7 * DAY_MS - 5000);
  expect(codeOf(await join(fresh.token))).toBeNull();
});

it('inviting needs MEMBER_MANAGE, a real address, and somebody who is not a member yet', async () => {
  const { actor: owner, user } = await rooms.signUp();
  const developer = await rooms.join(owner, 'DEVELOPER');
  const admin = await rooms.join(owner, 'ADMIN');
  const email = `${suffix()}@example.org`;
  expect(codeOf(await rooms.tenants.inviteMember(developer.actor, { email, role: 'VIEWER' }))).toBe(
    'PERMISSION_DENIED',
  );
  expect(codeOf(await rooms.tenants.inviteMember(owner, { email: 'nobody', role: 'VIEWER' }))).toBe(
    'INVALID_INPUT',
  );
  expect(codeOf(await rooms.tenants.inviteMember(owner, { email: user.email, role: 'VIEWER' }))).toBe(
    'CONFLICT',
  );
  expect(codeOf(await rooms.tenants.inviteMember(admin.actor, { email, role: 'OWNER' }))).toBe(
    'PERMISSION_DENIED',
  );
});

it('an administrator can neither revoke nor replace an invitation for an owner', async () => {
  const { actor: owner } = await rooms.signUp();
  const admin = await rooms.join(owner, 'ADMIN');
  const email = `${suffix()}@example.org`;
  const { invitation } = valueOf(await rooms.tenants.inviteMember(owner, { email, role: 'OWNER' }));
  const invitationId = invitation.id;
  expect(codeOf(await rooms.tenants.revokeInvitation(admin.actor, { invitationId }))).toBe(
    'PERMISSION_DENIED',
  );
  expect(codeOf(await rooms.tenants.inviteMember(admin.actor, { email, role: 'VIEWER' }))).toBe(
    'PERMISSION_DENIED',
  );
  expect(await rooms.tenants.invitations(owner, owner.tenantId)).toHaveLength(1);
});

it('an invitation of another tenant does not exist', async () => {
  const one = await rooms.signUp();
  const two = await rooms.signUp();
  const { invitation } = valueOf(
    await rooms.tenants.inviteMember(one.actor, { email: `${suffix()}@example.org`, role: 'VIEWER' }),
  );
  const invitationId = invitation.id;
  expect(codeOf(await rooms.tenants.revokeInvitation(two.actor, { invitationId }))).toBe('NOT_FOUND');
  expect(await rooms.tenants.getInvitationsByIds(two.actor, [invitationId])).toEqual([null]);
  expect(await rooms.tenants.getInvitationsByIds(one.actor, [invitationId])).toMatchObject([
    { role: 'VIEWER' },
  ]);
});

it('a member, or an API key, cannot accept', async () => {
  const { actor: owner } = await rooms.signUp();
  const guest = await rooms.signUp();
  const key = await rooms.key(guest.actor, ['TENANT_READ']);
  const { token } = valueOf(
    await rooms.tenants.inviteMember(owner, { email: guest.user.email, role: 'VIEWER' }),
  );
  expect(codeOf(await rooms.tenants.acceptInvitation(key.actor, { token }))).toBe('INVALID_CREDENTIALS');
  expect(codeOf(await rooms.tenants.acceptInvitation(guest.actor, { token: `${token}x` }))).toBe(
    'INVALID_CREDENTIALS',
  );
  expect(codeOf(await rooms.tenants.acceptInvitation(guest.actor, { token }))).toBeNull();
});
