/** Whether a process lives, as others on the same database see it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isPresent } from '../../../src/database/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.stop());

async function isSeen(name: string): Promise<boolean> {
  const [row] = await db.database.single({ acrossTenants: true })<{ seen: boolean }>(
    `SELECT ${isPresent('$1::text')} AS seen`,
    [name],
  );
  return row?.seen === true;
}

it('is seen by its own name only, from the start to the end', async () => {
  // Many names, since a lock's key is split into halves with and without the highest bit.
  const all = Array.from({ length: 12 }, (_, i) => db.database.presence(`process ${i}`));
  for (const presence of all) {
    expect(await isSeen(presence.name)).toBe(false);
    await presence.start();
    expect(presence.isHeld()).toBe(true);
    expect(await isSeen(presence.name)).toBe(true);
  }
  for (const presence of all) {
    await presence.stop();
    expect(presence.isHeld()).toBe(false);
    await until(async () => !(await isSeen(presence.name)));
  }
});

it('is shown again when its connection was lost', async () => {
  const presence = db.database.presence('lost and found');
  await presence.start();
  await db.asOwner(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'souk presence'",
  );
  await until(() => presence.isHeld() && isSeen('lost and found'));
  await presence.stop();
});

it('goes on trying while a connection of before still holds its name', async () => {
  const presence = db.database.presence('second');
  const first = db.database.presence('second');
  await first.start();
  await presence.start();
  // The name is held by somebody else: it goes on trying.
  expect(presence.isHeld()).toBe(false);
  await first.stop();
  await until(() => presence.isHeld());
  await presence.stop();
});
