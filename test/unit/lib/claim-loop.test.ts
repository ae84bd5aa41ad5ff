import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClaimLoop } from '../../../src/lib/claim-loop.js';

const RETRY_MS = 1_000;

/** A table of jobs, each of which ends when the test says so. */
function makeTable(maxRunning = 2) {
  const waiting: string[] = [];
  const running = new Map<string, { end: () => void; fail: (fault: Error) => void }>();
  const ended: string[] = [];
  const faults: string[] = [];
  let claimFault: Error | null = null;
  let most = 0;
  const loop = new ClaimLoop<string>({
    maxRunning,
    claim: () => {
      if (claimFault !== null) return Promise.reject(claimFault);
      return Promise.resolve(waiting.shift() ?? null);
    },
    idOf: (id) => id,
    run: (id, stop) =>
      new Promise((resolve, reject) => {
        running.set(id, { end: resolve, fail: reject });
        most = Math.max(most, running.size);
        stop.signal.addEventListener('abort', () => resolve());
      }),
    onClaimFault: (fault) => faults.push(`claim: ${(fault as Error).message}`),
    onRunFault: (fault, id) => faults.push(`${id}: ${(fault as Error).message}`),
    onEnd: (id) => {
      running.delete(id);
      ended.push(id);
    },
    retryMs: RETRY_MS,
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return {
    loop,
    waiting,
    running,
    ended,
    faults,
    settle,
    most: () => most,
    breakClaims: (fault: Error | null) => (claimFault = fault),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a claim loop', () => {
  it('runs everything that waits, never more at one time than it may', async () => {
    const { loop, waiting, running, ended, settle, most } = makeTable();
    waiting.push('a', 'b', 'c', 'd', 'e');
    loop.start();
    await settle();
    expect([...running.keys()]).toEqual(['a', 'b']);
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      running.get(id)?.end();
      await settle();
    }
    expect(ended).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(most()).toBe(2);
  });

  it('sees a job that came while it looked', async () => {
    const { loop, waiting, running, settle } = makeTable();
    loop.start();
    waiting.push('late');
    loop.wake();
    await settle();
    expect([...running.keys()]).toEqual(['late']);
  });

  it('does nothing before it is started, and claims nothing once it is stopped', async () => {
    const { loop, waiting, running, ended, settle } = makeTable(1);
    waiting.push('a', 'b');
    loop.wake();
    await settle();
    expect(running.size).toBe(0);
    loop.start();
    await settle();
    await loop.stop();
    loop.wake();
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(ended).toEqual(['a']);
    expect(waiting).toEqual(['b']);
  });

  it('interrupts the named job alone', async () => {
    const { loop, waiting, running, ended, settle } = makeTable();
    waiting.push('a', 'b');
    loop.start();
    await settle();
    loop.interrupt('a');
    loop.interrupt('not here');
    await settle();
    expect(ended).toEqual(['a']);
    expect([...running.keys()]).toEqual(['b']);
  });

  it('tells a fault of the table, and looks again after a moment', async () => {
    const { loop, waiting, running, faults, settle, breakClaims } = makeTable();
    breakClaims(new Error('away'));
    waiting.push('a');
    loop.start();
    await settle();
    expect(faults).toEqual(['claim: away']);
    breakClaims(null);
    await vi.advanceTimersByTimeAsync(RETRY_MS - 1);
    expect(running.size).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect([...running.keys()]).toEqual(['a']);
  });

  it('tells a fault of a job once, and looks again when what was put back has rested', async () => {
    const { loop, waiting, running, ended, faults, settle } = makeTable();
    waiting.push('a');
    loop.start();
    await settle();
    running.get('a')?.fail(new Error('broken'));
    await settle();
    expect(faults).toEqual(['a: broken']);
    expect(ended).toEqual(['a']);
    waiting.push('a');
    await vi.advanceTimersByTimeAsync(RETRY_MS);
    expect([...running.keys()]).toEqual(['a']);
  });
});
