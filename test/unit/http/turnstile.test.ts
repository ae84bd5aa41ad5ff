import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turnstile } from '../../../src/http/turnstile.js';

/** An event loop by hand: a clock that only work moves, and the two moments that the turnstile asks for. */
function loop(connections = 65) {
  let nowMs = 0;
  let ends: (() => void)[] = [];
  const afters: (() => void)[] = [];
  const turnstile = new Turnstile({
    now: () => nowMs,
    atEndOfTurn: (callback) => ends.push(callback),
    afterWork: (callback) => afters.push(callback),
  });
  const passed: string[] = [];
  const settleWork = (): void => {
    for (let next = afters.shift(); next !== undefined; next = afters.shift()) next();
  };
  /** @returns how long the end of the turn took */
  const endTurn = (): number => {
    const fromMs = nowMs;
    const due = ends;
    ends = [];
    for (const end of due) end();
    settleWork();
    return nowMs - fromMs;
  };
  for (let i = 0; i < connections; i++) turnstile.noteOpened();
  // Until it is no news any more.
  for (let turn = 0; turn < 3; turn++) {
    turnstile.enter('before', () => undefined);
    endTurn();
  }
  return {
    turnstile,
    passed,
    /** A request whose handling takes so long. */
    arrive: (caller: string, workMs = 1, name = caller) => {
      turnstile.enter(caller, () => {
        nowMs += workMs;
        passed.push(name);
      });
    },
    pass: (ms: number) => void (nowMs += ms),
    endTurn,
    isEndAskedFor: () => ends.length > 0,
  };
}

describe('the turnstile', () => {
  it('lets pass at once while the turn is young, and after any time without requests', () => {
    const { arrive, passed, endTurn, pass, isEndAskedFor } = loop();
    arrive('a', 3);
    arrive('b', 3);
    expect(passed).toEqual(['a', 'b']);
    endTurn();
    expect(isEndAskedFor()).toBe(false);
    pass(1_000);
    arrive('a', 3);
    expect(passed).toEqual(['a', 'b', 'a']);
  });

  it('holds back who comes when the turn has taken its time, until its end', () => {
    const { arrive, passed, endTurn, turnstile } = loop();
    arrive('a', 5);
    arrive('b', 1);
    expect(passed).toEqual(['a']);
    expect(turnstile.waiting).toBe(1);
    endTurn();
    expect(passed).toEqual(['a', 'b']);
    expect(turnstile.waiting).toBe(0);
  });

  it('holds back nobody while few connections are open, and then nobody overtakes who waits', () => {
    const { arrive, passed, endTurn, turnstile, isEndAskedFor } = loop(64);
    for (let i = 0; i < 3; i++) arrive('a', 5, `a${i}`);
    expect(passed).toEqual(['a0', 'a1', 'a2']);
    expect(isEndAskedFor()).toBe(false);
    turnstile.noteOpened();
    arrive('a', 5, 'a3');
    arrive('a', 5, 'a4');
    expect(passed).toHaveLength(4);
    turnstile.noteClosed();
    arrive('a', 5, 'a5');
    expect(passed).toHaveLength(4);
    while (turnstile.waiting > 0) endTurn();
    expect(passed).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
    endTurn();
    arrive('a', 5, 'a6');
    arrive('a', 5, 'a7');
    expect(passed).toHaveLength(8);
  });

  it('nobody overtakes in the same line, also not when the next turn is young', () => {
    const { arrive, passed, endTurn } = loop();
    arrive('a', 5, 'a1');
    for (let i = 2; i < 9; i++) arrive('a', 3, `a${i}`);
    endTurn();
    arrive('a', 3, 'a9');
    while (passed.length < 9) endTurn();
    expect(passed).toEqual(Array.from({ length: 9 }, (_, i) => `a${i + 1}`));
  });

  it('a quiet caller waits for one request of each other, however many they send', () => {
    const { arrive, passed, endTurn } = loop();
    for (let i = 0; i < 300; i++) arrive('loud', 1);
    arrive('louder', 1);
    for (let i = 0; i < 300; i++) arrive('louder', 1);
    const before = passed.length;
    arrive('quiet', 1);
    while (!passed.includes('quiet')) endTurn();
    expect(passed.indexOf('quiet') - before).toBeLessThanOrEqual(2);
  });

  it('turns are shorter while connections are being opened, and one request passes in each all the same', () => {
    const { turnstile, arrive, endTurn, passed } = loop();
    arrive('a', 5);
    for (let i = 0; i < 100; i++) arrive('a', 0.3);
    expect(endTurn()).toBeGreaterThan(3);
    for (let turn = 0; turn < 5; turn++) {
      const before = passed.length;
      turnstile.noteOpened();
      expect(endTurn()).toBeLessThan(1);
      expect(passed.length).toBeGreaterThan(before);
    }
    // The turn in which the last one came, and the next.
    expect(endTurn()).toBeLessThan(1);
    expect(endTurn()).toBeGreaterThan(3);
  });

  it('holds no more than its bound: who comes then passes at once', () => {
    const { arrive, passed, turnstile } = loop();
    arrive('a', 5);
    for (let i = 0; i < 4_096; i++) arrive('a', 1);
    expect(turnstile.waiting).toBe(4_096);
    arrive('b', 1);
    expect(passed).toEqual(['a', 'b']);
  });

  it('each request passes exactly once, a turn ends in time, and callers take turns', () => {
    const arrival = fc.record({
      caller: fc.constantFrom('a', 'b', 'c', 'd'),
      workMs: fc.double({ min: 0.01, max: 6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(arrival, { maxLength: 12 }), { maxLength: 12 }), (turns) => {
        const { arrive, passed, endTurn, turnstile } = loop();
        let number = 0;
        for (const arrivals of turns) {
          for (const { caller, workMs } of arrivals) arrive(caller, workMs, `${caller}${number++}`);
          // Its time, and the request that was the last to begin in it.
          expect(endTurn()).toBeLessThanOrEqual(4 + 6);
        }
        for (let turn = 0; turnstile.waiting > 0; turn++) {
          const before = passed.length;
          endTurn();
          expect(passed.length).toBeGreaterThan(before);
        }
        expect(new Set(passed).size).toBe(number);
        expect(passed).toHaveLength(number);
        for (const caller of ['a', 'b', 'c', 'd']) {
          const own = passed.filter((name) => name.startsWith(caller)).map((name) => Number(name.slice(1)));
          expect(own).toEqual([...own].sort((one, other) => one - other));
        }
      }),
    );
  });
});
