import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SqlQuery, Transactions } from '../../../src/database/index.js';
import { holdLease } from '../../../src/domain/versions/lease.js';
import { silentLogger } from '../../support/silent-logger.js';

const TIMES = { leaseMs: 15_000, progressEveryMs: 250 };
const PUBLICATION = { id: 'pub_1', tenantId: 'ten_1' };

describe('a lease', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  function hold(answer: () => object[] = () => [{ id: 'pub_1' }]) {
    const writes: (readonly unknown[])[] = [];
    let lost = 0;
    const query = ((_text: string, parameters: readonly unknown[]) => {
      writes.push(parameters);
      return Promise.resolve(answer());
    }) as unknown as SqlQuery;
    const database = { sql: (_context: unknown, work: (q: SqlQuery) => Promise<unknown>) => work(query) };
    const clock = { now: () => new Date(0), monotonicMs: () => performance.now() };
    const deps = { database: database as unknown as Transactions, clock, log: silentLogger() };
    const lease = holdLease(deps, TIMES, PUBLICATION, 'me', () => lost++);
    return { lease, writes, lost: () => lost };
  }

  it('writes progress at once when the phase is new, else at most four times a second, the newest of it', async () => {
    const { lease, writes } = hold();
    for (let i = 1; i <= 1_000; i++) {
      lease.report({ phase: 'READING', fraction: i / 1_000 });
      await vi.advanceTimersByTimeAsync(1);
    }
    await lease.release();
    expect(writes.map((parameters) => parameters[5])).toEqual([0.001, 0.25, 0.5, 0.75, 1]);
  });

  it('shows a phase that came while the one before was being written', async () => {
    const { lease, writes } = hold();
    lease.report({ phase: 'READING', fraction: 0 });
    lease.report({ phase: 'CHECKING', fraction: 0.2 });
    lease.report({ phase: 'CONVERTING', fraction: 0.3 });
    await vi.advanceTimersByTimeAsync(0);
    expect(writes.map((parameters) => parameters[4])).toEqual(['READING', 'CONVERTING']);
    await lease.release();
    lease.report({ phase: 'TRYING', fraction: 0.6 });
    expect(writes).toHaveLength(2);
  });

  it('is renewed several times within its term while nothing is reported', async () => {
    const { lease, writes } = hold();
    await vi.advanceTimersByTimeAsync(TIMES.leaseMs);
    await lease.release();
    expect(writes.length).toBeGreaterThanOrEqual(3);
    expect(writes.length).toBeLessThanOrEqual(5);
  });

  it('says once that it is lost, and then is silent', async () => {
    const { lease, writes, lost } = hold(() => []);
    lease.report({ phase: 'READING', fraction: 0.1 });
    await vi.advanceTimersByTimeAsync(60_000);
    await lease.release();
    expect(lost()).toBe(1);
    expect(writes).toHaveLength(1);
  });

  it('goes on trying while the database is away', async () => {
    let isAway = true;
    const { lease, writes, lost } = hold(() => {
      if (isAway) throw new Error('connection refused');
      return [{ id: 'pub_1' }];
    });
    lease.report({ phase: 'READING', fraction: 0.1 });
    await vi.advanceTimersByTimeAsync(5_000);
    isAway = false;
    await vi.advanceTimersByTimeAsync(1_000);
    await lease.release();
    expect(writes.length).toBeGreaterThan(1);
    expect(lost()).toBe(0);
  });

  it('writes nothing after it was released', async () => {
    const { lease, writes } = hold();
    await lease.release();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(writes).toEqual([]);
  });
});
