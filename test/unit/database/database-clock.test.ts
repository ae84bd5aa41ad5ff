/** Every server shows the time of its database, whatever its own machine thinks. */
import { describe, expect, it } from 'vitest';
import { DatabaseClock } from '../../../src/database/index.js';
import { until } from '../../support/until.js';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2028-02-29T23:59:59.000Z');

/** A machine and its database, each with a time of its own, and so long a way between them. */
function world({ offMs = 0, wayMs = 0 } = {}) {
  const state = { passedMs: 0, offMs, databaseOffMs: 0, isAway: false, warnings: 0, reads: 0 };
  const local = {
    now: () => new Date(START_MS + state.passedMs + state.offMs),
    monotonicMs: () => 5_000 + state.passedMs,
  };
  const clock = new DatabaseClock({
    local,
    read: () => {
      state.reads += 1;
      if (state.isAway) return Promise.reject(new Error('away'));
      state.passedMs += wayMs / 2;
      const readMs = START_MS + state.passedMs + state.databaseOffMs;
      state.passedMs += wayMs / 2;
      return Promise.resolve(readMs);
    },
    log: { warn: () => (state.warnings += 1) } as never,
    everyMs: 1,
  });
  return { state, clock };
}

describe('the clock of the database', () => {
  it.each([DAY_MS, -DAY_MS, 0])('counts on a machine whose own is off by %i ms', async (offMs) => {
    const { state, clock } = world({ offMs, wayMs: 40 });
    await clock.start();
    state.passedMs += 1_000;
    expect(clock.now()).toEqual(new Date(START_MS + state.passedMs));
    expect(state.warnings).toBe(offMs === 0 ? 0 : 1);
    await clock.stop();
  });

  it('does not move when the machine’s clock is put back by an hour', async () => {
    const { state, clock } = world();
    await clock.start();
    const before = clock.now().getTime();
    state.offMs = -3_600_000;
    state.passedMs += 10;
    expect(clock.now().getTime()).toBe(before + 10);
    await clock.stop();
  });

  it('follows the database’s when that is put back, and goes on by itself while the database is away', async () => {
    const { state, clock } = world();
    await clock.start();
    state.isAway = true;
    state.passedMs += 60_000;
    expect(clock.now()).toEqual(new Date(START_MS + 60_000));
    state.databaseOffMs = -3_600_000;
    state.isAway = false;
    await until(() => clock.now().getTime() === START_MS + 60_000 - 3_600_000);
    await clock.stop();
  });

  it('stays smooth where a difference is not more than the way of the answer explains', async () => {
    const { state, clock } = world({ wayMs: 20 });
    await clock.start();
    state.databaseOffMs = 8;
    const readsBefore = state.reads;
    await until(() => state.reads > readsBefore + 2);
    expect(clock.now()).toEqual(new Date(START_MS + state.passedMs));
    await clock.stop();
  });

  it('cannot start without the database, and looks no more once it is stopped', async () => {
    const { state, clock } = world();
    state.isAway = true;
    await expect(clock.start()).rejects.toThrow('away');
    state.isAway = false;
    await clock.start();
    await clock.stop();
    const { reads } = state;
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.reads).toBe(reads);
  });
});
