import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RepeatingTask } from '../../../src/lib/repeating-task.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function taskOf(work: () => Promise<unknown>, retryMs?: number) {
  const warnings: unknown[] = [];
  const log = { warn: (facts: unknown) => void warnings.push(facts) };
  const task = new RepeatingTask({
    what: 'count',
    work,
    everyMs: 1_000,
    ...(retryMs === undefined ? {} : { retryMs }),
    log: log as never,
  });
  return { task, warnings };
}

describe('a repeating task', () => {
  it('works at once, and again each interval after it has ended', async () => {
    let times = 0;
    const { task } = taskOf(async () => {
      times++;
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    void task.start();
    expect(times).toBe(1);
    await vi.advanceTimersByTimeAsync(1_499);
    expect(times).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(times).toBe(2);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(times).toBe(3);
  });

  it.each([
    ['after the interval', undefined, 1_000],
    ['after the time for that', 50, 50],
  ])('tries again %s when it failed, and says so', async (_, retryMs, waitMs) => {
    let times = 0;
    const { task, warnings } = taskOf(() => {
      times++;
      if (times < 3) throw new Error('away');
      return Promise.resolve();
    }, retryMs);
    await task.start();
    expect(warnings).toEqual([{ err: new Error('away'), what: 'count' }]);
    await vi.advanceTimersByTimeAsync(waitMs - 1);
    expect(times).toBe(1);
    await vi.advanceTimersByTimeAsync(1 + waitMs);
    expect(times).toBe(3);
    await vi.advanceTimersByTimeAsync(999);
    expect(times).toBe(3);
    expect(warnings).toHaveLength(2);
  });

  it('calls a failure that nothing can mend an error, and what may pass a warning', async () => {
    const levels: string[] = [];
    const log = { warn: () => void levels.push('warn'), error: () => void levels.push('error') };
    const task = new RepeatingTask({
      what: 'fail',
      work: () => Promise.reject(new Error(levels.length === 0 ? 'away' : 'a defect')),
      everyMs: 1_000,
      mayPass: (fault) => (fault as Error).message === 'away',
      log: log as never,
    });
    await task.start();
    await vi.advanceTimersByTimeAsync(1_000);
    await task.stop();
    expect(levels).toEqual(['warn', 'error']);
  });

  it('stops when what it is doing has ended, and does nothing more', async () => {
    let times = 0;
    let end = () => {};
    const { task } = taskOf(() => {
      times++;
      return new Promise<void>((resolve) => (end = resolve));
    });
    void task.start();
    let isStopped = false;
    const stopping = task.stop().then(() => (isStopped = true));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(isStopped).toBe(false);
    end();
    await stopping;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(times).toBe(1);
  });

  it('stopped between two times, begins none', async () => {
    let times = 0;
    const { task } = taskOf(() => Promise.resolve(times++));
    await task.start();
    await task.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(times).toBe(1);
  });
});
