import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseWorker, type WorkerSnapshot } from '../../../src/inference/scheduler.js';
import { RUNTIMES } from '../../../src/inference/types.js';

const DIGEST = 'd'.repeat(64);
const ARTIFACT = { digest: DIGEST, runtime: 'tfjs-node' } as const;

const someWorkers = fc
  .array(
    fc.record({
      idle: fc.boolean(),
      runtimes: fc.subarray([...RUNTIMES]),
      holds: fc.boolean(),
      freeBytes: fc.integer({ min: -10, max: 10 }),
    }),
    { maxLength: 6 },
  )
  .map((workers) =>
    workers.map(({ holds, ...rest }, slot): WorkerSnapshot => ({
      ...rest,
      slot,
      residents: new Set(holds ? [DIGEST] : []),
    })),
  );

describe('the scheduler', () => {
  it('waits exactly when no idle worker has the engine, and never chooses one that cannot run the job', () => {
    fc.assert(
      fc.property(someWorkers, (workers) => {
        const able = workers.filter(({ idle, runtimes }) => idle && runtimes.includes('tfjs-node'));
        const placement = chooseWorker(ARTIFACT, workers);
        if (placement.kind === 'wait') expect(able).toEqual([]);
        else expect(able.map(({ slot }) => slot)).toContain(placement.slot);
      }),
    );
  });

  it('chooses a worker that holds the model whenever one is able, else one with most room', () => {
    fc.assert(
      fc.property(someWorkers, (workers) => {
        const able = workers.filter(({ idle, runtimes }) => idle && runtimes.includes('tfjs-node'));
        const placement = chooseWorker(ARTIFACT, workers);
        if (placement.kind === 'wait') return;
        const chosen = workers[placement.slot];
        const holders = able.filter(({ residents }) => residents.has(DIGEST));
        const candidates = holders.length > 0 ? holders : able;
        expect(candidates).toContain(chosen);
        expect(chosen?.freeBytes).toBe(Math.max(...candidates.map(({ freeBytes }) => freeBytes)));
      }),
    );
  });

  it('does not depend on the order in which workers are listed', () => {
    fc.assert(
      fc.property(someWorkers, (workers) => {
        expect(chooseWorker(ARTIFACT, [...workers].reverse())).toEqual(chooseWorker(ARTIFACT, workers));
      }),
    );
  });
});
