import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createFairQueue,
  QUANTUM_MS,
  type FairEntry,
  type FairQueue,
} from '../../../src/inference/fairness.js';
import { PRIORITIES, type Priority } from '../../../src/inference/types.js';

interface Entry extends FairEntry {
  readonly number: number;
  readonly costMs: number;
}

const ROOMY = {
  maxQueued: 1e6,
  maxQueuedPerKey: 1e6,
  maxQueuedBytes: Infinity,
  maxQueuedBytesPerKey: Infinity,
};
const always = (): boolean => true;
let numbers = 0;

function entry(fairnessKey: string, rest: Partial<Entry> = {}): Entry {
  const base = {
    fairnessKey,
    weight: 1,
    priority: 'NORMAL' as Priority,
    group: 'g',
    bytes: 1,
    workMs: 1,
    costMs: 1,
  };
  return { ...base, number: numbers++, ...rest };
}

function takeNext(queue: FairQueue<Entry>, passes: (entry: Entry) => boolean = always): Entry | null {
  const next = queue.next(passes);
  if (next !== null) queue.take(next, next.costMs);
  return next;
}

const someCost = fc.double({ min: 0.01, max: 40, noNaN: true });
const someWeight = fc.constantFrom(0.5, 1, 2, 3, 8);
const someKeys = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 2, maxLength: 5 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => fc.record({ name: fc.constant(name), weight: someWeight, costMs: someCost })),
    ),
  );

describe('fair shares', () => {
  it('converge to the weights for arbitrary costs, whatever groups the entries belong to', () => {
    fc.assert(
      fc.property(someKeys, fc.boolean(), (keys, areJoined) => {
        const queue = createFairQueue<Entry>(ROOMY);
        const servedMs = new Map<string, number>(keys.map(({ name }) => [name, 0]));
        const serve = ({ fairnessKey, costMs }: Entry): void => {
          servedMs.set(fairnessKey, (servedMs.get(fairnessKey) ?? 0) + costMs);
          const key = keys.find(({ name }) => name === fairnessKey);
          if (key !== undefined) offer(key);
        };
        const offer = ({ name, weight, costMs }: (typeof keys)[number]): void => {
          const group = areJoined ? 'g' : `g-${name}`;
          queue.offer(entry(name, { weight, costMs, group }));
        };
        for (const key of keys) for (let i = 0; i < 8; i++) offer(key);
        for (let turn = 0; turn < 500; turn++) {
          const first = takeNext(queue);
          if (first === null) throw new Error('There is always work.');
          serve(first);
          // A run of up to three, as the batcher fills it.
          for (let i = 0; i < 2; i++) {
            const next = queue.nextOf(first.group, always);
            if (next === null) break;
            queue.join(next, next.costMs);
            serve(next);
          }
        }
        const normalised = keys.map(({ name, weight }) => (servedMs.get(name) ?? 0) / weight);
        // Nobody is ahead by more than what one run can cost him.
        const slackMs = Math.max(...keys.map(({ costMs, weight }) => (3 * costMs) / weight)) * 2 + QUANTUM_MS;
        expect(Math.max(...normalised) - Math.min(...normalised)).toBeLessThanOrEqual(slackMs);
      }),
      { numRuns: 40 },
    );
  });

  it('follow what was measured, not what was estimated', () => {
    const queue = createFairQueue<Entry>(ROOMY);
    const servedMs = { cheap: 0, dear: 0 };
    const realMs = { cheap: 1, dear: 10 };
    for (let i = 0; i < 4_000; i++) {
      queue.offer(entry('cheap'));
      queue.offer(entry('dear'));
      const taken = takeNext(queue);
      const key = taken?.fairnessKey as keyof typeof servedMs;
      servedMs[key] += realMs[key];
      queue.charge(key, realMs[key] - (taken?.costMs ?? 0));
    }
    expect(servedMs.cheap / servedMs.dear).toBeGreaterThan(0.95);
    expect(servedMs.cheap / servedMs.dear).toBeLessThan(1.05);
  });

  it('serve a quiet key within one quantum of each other key, however much a loud one has waiting', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        someCost,
        fc.integer({ min: 0, max: 200 }),
        (backlog, costMs, before) => {
          const queue = createFairQueue<Entry>(ROOMY);
          for (let i = 0; i < backlog; i++) queue.offer(entry('loud', { costMs }));
          for (let i = 0; i < Math.min(before, backlog - 1); i++) takeNext(queue);
          queue.offer(entry('quiet', { costMs: 1 }));
          let waitedMs = 0;
          for (let next = takeNext(queue); next?.fairnessKey === 'loud'; next = takeNext(queue))
            waitedMs += next.costMs;
          expect(waitedMs).toBeLessThanOrEqual(QUANTUM_MS + costMs);
        },
      ),
    );
  });

  it('do not pay a key for its absence, nor forgive one that leaves and comes back', () => {
    const queue = createFairQueue<Entry>(ROOMY);
    // `gusty` never has more than one entry waiting and takes 50 ms each time; `steady` always has work.
    const servedMs = { gusty: 0, steady: 0 };
    for (let i = 0; i < 50; i++) queue.offer(entry('steady', { costMs: 1 }));
    for (let i = 0; i < 5_000; i++) {
      queue.offer(entry('steady', { costMs: 1 }));
      if (!queue.keys().some(({ fairnessKey }) => fairnessKey === 'gusty'))
        queue.offer(entry('gusty', { costMs: 50 }));
      const taken = takeNext(queue);
      servedMs[taken?.fairnessKey as keyof typeof servedMs] += taken?.costMs ?? 0;
    }
    expect(servedMs.gusty / servedMs.steady).toBeLessThan(1.1);
    expect(servedMs.gusty / servedMs.steady).toBeGreaterThan(0.9);
  });

  it('leave nobody waiting for ever, and no worker idle while something can run', () => {
    const operation = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      group: fc.constantFrom('x', 'y'),
      priority: fc.constantFrom(...PRIORITIES),
      costMs: someCost,
    });
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60 }),
        fc.constantFrom('x', 'y', 'none'),
        (operations, blocked) => {
          const queue = createFairQueue<Entry>(ROOMY);
          const all = operations.map(({ key, ...rest }) => entry(key, rest));
          for (const each of all) queue.offer(each);
          const taken: Entry[] = [];
          const canRun = ({ group }: Entry): boolean => group !== blocked;
          for (let next = takeNext(queue, canRun); next !== null; next = takeNext(queue, canRun))
            taken.push(next);
          expect(new Set(taken)).toEqual(new Set(all.filter(canRun)));
          expect(new Set(queue.entries())).toEqual(new Set(all.filter((each) => !canRun(each))));
        },
      ),
    );
  });
});

describe('inside a key', () => {
  it('higher priorities go first, then the order of arrival, over all groups', () => {
    const someEntries = fc.array(
      fc.record({ priority: fc.constantFrom(...PRIORITIES), group: fc.constantFrom('x', 'y', 'z') }),
    );
    fc.assert(
      fc.property(someEntries, (plan) => {
        const queue = createFairQueue<Entry>(ROOMY);
        const all = plan.map((rest) => entry('a', rest));
        for (const each of all) queue.offer(each);
        const taken: Entry[] = [];
        for (let next = takeNext(queue); next !== null; next = takeNext(queue)) taken.push(next);
        const rank = { HIGH: 0, NORMAL: 1, LOW: 2 };
        expect(taken).toEqual(
          [...all].sort((x, y) => rank[x.priority] - rank[y.priority] || x.number - y.number),
        );
      }),
    );
  });

  it('a high priority takes no turn from another key', () => {
    const queue = createFairQueue<Entry>(ROOMY);
    for (let i = 0; i < 100; i++) queue.offer(entry('pushy', { priority: 'HIGH' }));
    queue.offer(entry('modest', { priority: 'LOW' }));
    const taken = Array.from({ length: 2 }, () => takeNext(queue)?.fairnessKey);
    expect(taken).toContain('modest');
  });
});

describe('in order of arrival (fifo)', () => {
  it('keys do not count', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), (keys) => {
        const queue = createFairQueue<Entry>(ROOMY, 'fifo');
        const all = keys.map((key) => entry(key, { costMs: 3 }));
        for (const each of all) queue.offer(each);
        const taken: (Entry | null)[] = all.map(() => takeNext(queue));
        expect(taken).toEqual(all);
      }),
    );
  });
});

describe('the bounds', () => {
  const BOUNDS = { maxQueued: 12, maxQueuedPerKey: 5, maxQueuedBytes: 30, maxQueuedBytesPerKey: 20 };
  const operation = fc.oneof(
    fc.record({
      op: fc.constant('offer' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      bytes: fc.nat(8),
    }),
    fc.record({ op: fc.constant('take' as const) }),
    fc.record({ op: fc.constant('join' as const) }),
    fc.record({ op: fc.constant('remove' as const), at: fc.nat(12) }),
    fc.record({ op: fc.constant('putBack' as const) }),
  );

  it('hold under any mixture of operations, and the queue counts exactly what it holds', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const queue = createFairQueue<Entry>(BOUNDS);
        let model: Entry[] = [];
        const out: Entry[] = [];
        const drop = (gone: Entry): void => {
          model = model.filter((each) => each !== gone);
        };
        for (const step of operations) {
          if (step.op === 'offer') {
            const each = entry(step.key, { bytes: step.bytes });
            const offer = queue.offer(each);
            if (offer.accepted) {
              model.push(each);
              const own = model.filter(({ fairnessKey }) => fairnessKey === step.key);
              const bytesOf = (some: Entry[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0);
              expect(model.length <= BOUNDS.maxQueued || out.length > 0).toBe(true);
              if (own.length > 1)
                expect(bytesOf(own)).toBeLessThanOrEqual(BOUNDS.maxQueuedBytesPerKey + 8 * out.length);
            } else expect(offer.aheadMs).toBeGreaterThanOrEqual(0);
          } else if (step.op === 'take' || step.op === 'join') {
            const next = step.op === 'take' ? takeNext(queue) : queue.nextOf('g', always);
            expect(next === null).toBe(model.length === 0);
            if (next === null) continue;
            if (step.op === 'join') queue.join(next, 1);
            drop(next);
            out.push(next);
          } else if (step.op === 'remove') {
            const each = model[step.at];
            if (each === undefined) continue;
            expect(queue.remove(each)).toBe(true);
            expect(queue.remove(each)).toBe(false);
            drop(each);
          } else {
            const each = out.pop();
            if (each === undefined) continue;
            queue.putBack(each);
            model.push(each);
            expect(queue.next((some) => some === each)).toBe(each);
          }
          expect(queue.length).toBe(model.length);
          expect(new Set(queue.entries())).toEqual(new Set(model));
          const queued = queue.keys().reduce((sum, key) => sum + key.queued, 0);
          expect(queued).toBe(model.length);
        }
      }),
    );
  });

  it('are foreseen for a key: as an entry without bytes meets them, and never where any would pass', () => {
    const offers = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), bytes: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(offers, { minLength: 8, maxLength: 40, size: 'max' }), (some) => {
        const queue = createFairQueue<Entry>(BOUNDS);
        for (const { key, bytes } of some) {
          const foreseen = queue.foresee(key);
          if (!queue.mayRefuse) expect(foreseen.accepted).toBe(true);
          const empty = entry(key, { bytes: 0 });
          expect(queue.offer(empty)).toEqual(foreseen);
          if (foreseen.accepted) queue.remove(empty);
          const offer = queue.offer(entry(key, { bytes }));
          if (!foreseen.accepted) expect(offer.accepted).toBe(false);
        }
      }),
    );
  });

  it('leave room for a newcomer when loud keys have filled their part', () => {
    const queue = createFairQueue<Entry>({ ...ROOMY, maxQueued: 100, maxQueuedPerKey: 50 });
    for (let i = 0; i < 500; i++) queue.offer(entry(`loud-${i % 4}`));
    expect(queue.length).toBeLessThan(100);
    expect(queue.offer(entry('quiet')).accepted).toBe(true);
  });

  it('accept an entry larger than the byte bound only when nothing else waits', () => {
    const queue = createFairQueue<Entry>({ ...ROOMY, maxQueuedBytes: 10, maxQueuedBytesPerKey: 10 });
    expect(queue.offer(entry('a', { bytes: 50 })).accepted).toBe(true);
    expect(queue.offer(entry('b', { bytes: 1 }))).toMatchObject({ accepted: false, full: 'queue' });
  });

  it('tell what goes before a new entry: its own line, and at most as much of the others', () => {
    const queue = createFairQueue<Entry>(ROOMY);
    for (let i = 0; i < 10; i++) queue.offer(entry('a', { workMs: 5 }));
    for (let i = 0; i < 1_000; i++) queue.offer(entry('b', { workMs: 5 }));
    expect(queue.aheadMs('a', 1)).toBeCloseTo(100);
    expect(queue.aheadMs('a', 2)).toBeCloseTo(75);
    expect(queue.aheadMs('newcomer', 1)).toBe(0);
  });
});
