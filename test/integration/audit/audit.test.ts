import { afterAll, beforeAll, expect, it } from 'vitest';
import { refuse } from '../../../src/lib/result.js';
import { codeOf, openIdentityRooms, type OpenIdentityRooms, valueOf } from '../../support/identity-rooms.js';

let rooms: OpenIdentityRooms;

beforeAll(async () => {
  rooms = await openIdentityRooms();
});
afterAll(() => rooms.stop());

const EVENT = { action: 'testThing', subjectId: 'mdl_x', details: { a: 1, list: ['x'] } };

it('an event is there when its transaction commits, and not when it is refused', async () => {
  const { actor } = await rooms.signUp();
  const { tenantId } = actor;
  await rooms.db.database.transaction({ tenantId }, async (tx) => {
    await rooms.audit.record(tx, actor, EVENT);
    return refuse({ code: 'CONFLICT' });
  });
  const bySubject = async () => valueOf(await rooms.audit.auditLog(actor, { subjectId: 'mdl_x' })).items;
  expect(await bySubject()).toEqual([]);
  await rooms.db.database.transaction({ tenantId }, (tx) => rooms.audit.record(tx, actor, EVENT));
  expect(await bySubject()).toMatchObject([
    { ...EVENT, tenantId, userId: actor.userId, apiKeyId: null, requestId: 'req_test' },
  ]);
});

it('the log is read newest first, in pages, by those who hold AUDIT_READ', async () => {
  const { actor } = await rooms.signUp();
  const { tenantId } = actor;
  for (let i = 0; i < 5; i++) {
    const event = { ...EVENT, details: { i } };
    await rooms.db.database.transaction({ tenantId }, (tx) => rooms.audit.record(tx, actor, event));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = valueOf(await rooms.audit.auditLog(actor, { first: 2, after }));
    seen.push(...page.items.map(({ id }) => id));
    after = page.hasNextPage ? page.cursors.at(-1) : undefined;
  } while (after !== undefined);
  expect(seen).toHaveLength(6);
  expect(seen).toEqual([...seen].sort().reverse());
  const developer = await rooms.join(actor, 'DEVELOPER');
  expect(codeOf(await rooms.audit.auditLog(developer.actor, {}))).toBe('PERMISSION_DENIED');
  expect(codeOf(await rooms.audit.auditLog(actor, { first: 0 }))).toBe('INVALID_INPUT');
});

it('a tenant sees nothing of the log of another', async () => {
  const one = await rooms.signUp();
  const two = await rooms.signUp();
  const own = valueOf(await rooms.audit.auditLog(one.actor, {})).items.map(({ id }) => id);
  expect(own).toHaveLength(1);
  expect(await rooms.audit.getAuditEventsByIds(two.actor, own)).toEqual([null]);
  expect(await rooms.audit.getAuditEventsByIds(one.actor, own)).toMatchObject([{ action: 'signUp' }]);
  const theirs = valueOf(await rooms.audit.auditLog(two.actor, {})).items;
  expect(theirs.filter(({ tenantId }) => tenantId !== two.tenant.id)).toEqual([]);
});

it('an event can be neither changed nor removed by the application, nor written for another tenant', async () => {
  const one = await rooms.signUp();
  const two = await rooms.signUp();
  const { tenantId } = one.actor;
  for (const statement of ["UPDATE audit_events SET action = 'x'", 'DELETE FROM audit_events']) {
    await expect(rooms.db.database.sql({ tenantId }, (query) => query(statement, []))).rejects.toThrow(
      /permission denied/,
    );
  }
  await expect(
    rooms.db.database.transaction({ tenantId }, (tx) => rooms.audit.record(tx, two.actor, EVENT)),
  ).rejects.toThrow();
});

it('details that look like a secret are a fault', async () => {
  const { actor } = await rooms.signUp();
  const { secret } = await rooms.key(actor, []);
  for (const details of [
    { password: 'x' },
    { refreshToken: 'x' },
    { note: `key ${secret}` },
    { list: [secret] },
  ]) {
    await expect(
      rooms.db.database.transaction({ tenantId: actor.tenantId }, (tx) =>
        rooms.audit.record(tx, actor, { ...EVENT, details }),
      ),
    ).rejects.toThrow(/secret/);
  }
});
