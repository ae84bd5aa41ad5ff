/** A week of tenants leaves nothing behind: what a server remembers is of those who predicted in the last seconds. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createLeaseBook } from '../../../src/domain/metering/lease-book.js';
import type { LeaseStore } from '../../../src/domain/metering/lease-store.js';

const TENANTS = 20_000;
const REQUEST = { units: 1, timeoutMs: 1_000 };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

it(`of ${TENANTS} tenants that predicted once, nothing is remembered half a minute later`, async () => {
  let nowMs = 1_000;
  const leased = new Map<string, number>();
  // Grants what is asked for, and forgets a lease that ends, as the database does.
  const store: LeaseStore = {
    lease: ({ leaseId, claims, ahead: [ahead = 0] }) => {
      const granted = claims.length + ahead;
      leased.set(leaseId, (leased.get(leaseId) ?? 0) + granted);
      return Promise.resolve({
        state: 'GRANTED',
        granted: [granted, 0, 0, 0, 0, 0],
        limited: [],
        room: null,
        weight: 1,
        isLoose: ahead > 0,
        isRecalling: false,
        ordinals: null,
        limits: [],
      });
    },
    giveBack: () => Promise.resolve(true),
    renew: () => Promise.resolve(),
    end: (_tenantId, leaseId) => Promise.resolve(leased.delete(leaseId)),
    listDeadAcrossTenants: () => Promise.resolve([]),
    isAwaitingRecall: () => Promise.resolve(false),
  };
  const clock = { now: () => new Date(Date.UTC(2026, 2, 15) + nowMs), monotonicMs: () => nowMs };
  const book = createLeaseBook({ store, clock });

  async function predictOnce(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      const reserved = await book.reserve(`tenant-${i}`, i % 2 === 0 ? null : `key-${i}`, REQUEST);
      if (!reserved.ok) throw new Error('refused');
      book.beginCharge(reserved.value);
      await book.endCharged(reserved.value, [1, 0, 0, 0, 0, 0]);
    }
  }
  /** As a server does, some times a second. */
  async function pass(ms: number): Promise<void> {
    for (const end = nowMs + ms; nowMs < end; nowMs += 5_000) {
      book.tend();
      await book.giveBackIdle();
    }
  }

  // What the runtime itself needs for so many, it has by then.
  await predictOnce(0, 2_000);
  await pass(30_000);
  const before = heapBytes();
  await predictOnce(TENANTS, 2 * TENANTS);
  const full = heapBytes();
  expect(leased.size).toBe(TENANTS);
  await pass(30_000);
  const after = heapBytes();
  expect(leased.size).toBe(0);
  // Else the next line would prove nothing.
  expect(full - before).toBeGreaterThan(TENANTS * 200);
  expect(after - before).toBeLessThan((full - before) / 10);
});
