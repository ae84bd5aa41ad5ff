/** What a caller was told is on the disk: a charge waits for it, however it is written. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Charge } from '../../../src/domain/metering/index.js';
import { newId } from '../../../src/lib/ids.js';
import { ok } from '../../../src/lib/result.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom();
  // A deferred trigger runs as the last thing before the commit, when nothing can change any more whether it waits.
  await room.db.asOwner('CREATE TABLE commits (waits TEXT NOT NULL, at BIGSERIAL)');
  await room.db.asOwner('GRANT INSERT ON commits TO souk_app');
  await room.db.asOwner('GRANT USAGE ON SEQUENCE commits_at_seq TO souk_app');
  await room.db.asOwner(`CREATE FUNCTION note_commit() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO commits (waits) VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`);
  await room.db.asOwner(`CREATE CONSTRAINT TRIGGER usage_deltas_note AFTER INSERT ON usage_deltas
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit()`);
});
afterAll(() => room.stop());

/** Differ in their ids alone: charged by the statement for one kind. */
function ofOneKind(): () => Charge {
  const charge = chargeOf();
  return () => ({ ...charge, predictionId: newId('prediction') });
}

it.each([
  ['alone', 1, false, chargeOf],
  ['with many of its kind', 12, false, ofOneKind()],
  ['with many others', 12, false, chargeOf],
  ['with an answer under a key', 1, true, chargeOf],
])(
  'a charge %s is answered when its commit is on the disk, and not before',
  async (_, count, isWritten, make) => {
    const actor = userOf(await room.tenant(null));
    await room.db.asOwner('DELETE FROM commits');
    await Promise.all(
      Array.from({ length: count }, async () => {
        const reserved = await room.metering.reserve(actor, REQUEST);
        if (!reserved.ok) throw new Error(reserved.error.message);
        const charge = make();
        const write = isWritten ? () => Promise.resolve(ok(undefined)) : undefined;
        expect((await room.metering.settle(actor, reserved.value, charge, write)).ok).toBe(true);
        // Seen by another connection as soon as it is said: it is committed.
        const events = await room.db.asOwner('SELECT 1 FROM usage_ledger WHERE id = $1', [
          charge.predictionId,
        ]);
        expect(events).toHaveLength(1);
      }),
    );
    const commits = await room.db.asOwner<{ waits: string }>('SELECT waits FROM commits');
    expect([...new Set(commits.map(({ waits }) => waits))]).toEqual(['on']);
  },
);
