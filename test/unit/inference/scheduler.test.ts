import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseLoader, chooseRunner, type WorkerView } from '../../../src/inference/scheduler.js';
import { RUNTIMES, type RuntimeName } from '../../../src/inference/types.js';

const VERSION = 'tfjs-node:d';

interface View extends WorkerView {
  readonly has: boolean;
  readonly runtimes: readonly RuntimeName[];
  readonly missed: number;
}

const someWorkers = fc
  .array(
    fc.record({
      idle: fc.boolean(),
      extra: fc.nat(1),
      has: fc.boolean(),
      runtimes: fc.subarray([...RUNTIMES]),
      freeBytes: fc.integer({ min: -10, max: 10 }),
      missed: fc.nat(2),
    }),
    { maxLength: 6 },
  )
  .map((workers) =>
    workers.map(({ extra, ...rest }, slot): View => ({
      ...rest,
      slot,
      places: rest.idle ? 1 : extra,
      canRun: (runtime) => rest.runtimes.includes(runtime),
      holds: (version) => rest.has && version === VERSION,
    })),
  );

describe('a run', () => {
  it('goes to a worker that has the model and a place, an idle one first, and waits exactly when there is none', () => {
    fc.assert(
      fc.property(someWorkers, fc.boolean(), (workers, mayPostAhead) => {
        const able = workers.filter(({ places, has, idle }) => places > 0 && has && (idle || mayPostAhead));
        const chosen = chooseRunner(VERSION, workers, () => mayPostAhead);
        if (able.length === 0) expect(chosen).toBeNull();
        else expect(able).toContain(chosen);
        if (able.some(({ idle }) => idle)) expect(chosen?.idle).toBe(true);
      }),
    );
  });
});

describe('a load', () => {
  it('goes to an idle worker without the model, the least missed first, then the one with most room', () => {
    fc.assert(
      fc.property(someWorkers, (workers) => {
        const able = workers.filter(
          ({ idle, has, runtimes }) => idle && !has && runtimes.includes('tfjs-node'),
        );
        const chosen = chooseLoader(VERSION, 'tfjs-node', workers, ({ missed }) => missed);
        if (able.length === 0) {
          expect(chosen).toBeNull();
          return;
        }
        expect(able).toContain(chosen);
        const least = Math.min(...able.map(({ missed }) => missed));
        const rivals = able.filter(({ missed }) => missed === least);
        expect(chosen?.missed).toBe(least);
        expect(chosen?.freeBytes).toBe(Math.max(...rivals.map(({ freeBytes }) => freeBytes)));
      }),
    );
  });
});
