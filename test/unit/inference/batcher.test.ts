import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fillBatch,
  joinGroupOf,
  joinInputs,
  splitOutputs,
  type Joinable,
} from '../../../src/inference/batcher.js';
import { createFairQueue } from '../../../src/inference/fairness.js';
import { encodeBytesElements } from '../../../src/inference/tensors.js';
import type { InferenceJob } from '../../../src/inference/types.js';
import type { Signature, Tensor } from '../../../src/lib/tensor.js';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, -1] },
    { name: 'word', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, -1] },
    { name: 'word', datatype: 'BYTES', shape: [-1] },
  ],
};
const ARTIFACT = { digest: 'd', path: '/pack', runtime: 'tfjs-node', batchable: true } as const;
const ROOMY = {
  maxQueued: 1e6,
  maxQueuedPerKey: 1e6,
  maxQueuedBytes: Infinity,
  maxQueuedBytesPerKey: Infinity,
};

const LIMITS = { maxRows: 8, maxBytes: 1_000, msPerRow: 1, rowsWithCrowd: (rows: number) => 2 * rows };

/** A request whose rows tell whose they are. */
function jobOf(number: number, rows: number, width: number): InferenceJob {
  const values = Float32Array.from({ length: rows * width }, (_, at) => number * 1_000 + at);
  const words = Array.from({ length: rows }, (_, row) =>
    Buffer.from(`${'w'.repeat(number % 7)}${number}.${row}`),
  );
  return {
    artifact: ARTIFACT,
    signature: SIGNATURE,
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [rows, width], data: new Uint8Array(values.buffer) },
      { name: 'word', datatype: 'BYTES', shape: [rows], data: encodeBytesElements(words) },
    ],
    rows,
    priority: 'NORMAL',
    fairnessKey: `key-${number % 3}`,
    weight: 1,
    timeoutMs: 1_000,
  };
}

interface Waiting extends Joinable {
  readonly job: InferenceJob;
}

function waitingOf(job: InferenceJob): Waiting {
  const group = joinGroupOf(job, 'v', 64);
  const { fairnessKey, weight, priority, rows } = job;
  return {
    job,
    fairnessKey,
    weight,
    priority,
    rows,
    bytes: 1,
    workMs: 1,
    group: group ?? 'alone',
    joins: group !== null,
  };
}

function plain(tensors: readonly Tensor[]) {
  return tensors.map(({ data, ...rest }) => ({ ...rest, data: [...data] }));
}

const someRequests = fc.array(
  fc.record({ rows: fc.integer({ min: 1, max: 6 }), width: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 30 },
);

describe('joined requests', () => {
  it('get exactly their own rows back, in order, however they were interleaved', () => {
    fc.assert(
      fc.property(
        someRequests,
        fc.integer({ min: 1, max: 16 }),
        fc.infiniteStream(fc.boolean()),
        (plan, maxRows, arrives) => {
          const queue = createFairQueue<Waiting>(ROOMY);
          const coming = plan.map(({ rows, width }, number) => waitingOf(jobOf(number, rows, width)));
          const answers = new Map<Waiting, Tensor[]>();
          while (answers.size < plan.length) {
            const isArrival = coming.length > 0 && (queue.length === 0 || arrives.next().value === true);
            if (isArrival) {
              queue.offer(coming.shift() as Waiting);
              continue;
            }
            const first = queue.next(() => true) as Waiting;
            queue.take(first, 1);
            const batch = fillBatch(queue, first, { ...LIMITS, maxRows });
            const rows = batch.map((each) => each.rows);
            if (batch.length > 1)
              expect(rows.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(maxRows);
            // The model answers each row with itself.
            const ran = joinInputs(batch.map(({ job }) => job)).map((each) => ({
              ...each,
              data: new Uint8Array(each.data),
            }));
            const parts = splitOutputs(ran, rows);
            batch.forEach((each, at) => answers.set(each, parts?.[at] ?? []));
          }
          for (const [{ job }, answer] of answers) expect(plain(answer)).toEqual(plain(job.inputs));
        },
      ),
    );
  });

  it('leave the callers their inputs, for a second try', () => {
    const jobs = [jobOf(1, 2, 2), jobOf(2, 1, 2)];
    const before = jobs.map(({ inputs }) => plain(inputs));
    for (const { data } of [...joinInputs(jobs), ...joinInputs(jobs.slice(0, 1))]) {
      structuredClone(data, { transfer: [data] });
    }
    expect(jobs.map(({ inputs }) => plain(inputs))).toEqual(before);
  });

  it('answer with views on one memory, not with copies', () => {
    const outputs = [{ name: 'y', datatype: 'FP32', shape: [3, 2], data: new Uint8Array(24) }] as const;
    const parts = splitOutputs(outputs, [1, 2]);
    expect(parts?.flat().map(({ data }) => data.buffer)).toEqual([
      outputs[0].data.buffer,
      outputs[0].data.buffer,
    ]);
  });
});

describe('who may join', () => {
  const group = (change: Partial<InferenceJob>): string | null =>
    joinGroupOf({ ...jobOf(1, 2, 3), ...change }, 'v', 64);

  it('are requests of one version with equal datatypes and equal further dimensions', () => {
    expect(joinGroupOf(jobOf(1, 2, 3), 'v', 64)).toBe(joinGroupOf(jobOf(2, 5, 3), 'v', 64));
    expect(joinGroupOf(jobOf(1, 2, 3), 'v', 64)).not.toBe(joinGroupOf(jobOf(2, 2, 4), 'v', 64));
    expect(joinGroupOf(jobOf(1, 2, 3), 'v', 64)).not.toBe(joinGroupOf(jobOf(1, 2, 3), 'w', 64));
  });

  it('is nobody where the version, the signature, the shapes or the limit forbid it', () => {
    expect(group({ artifact: { ...ARTIFACT, batchable: false } })).toBeNull();
    expect(group({ rows: 64 })).toBeNull();
    expect(group({ rows: 3 })).toBeNull();
    expect(group({ inputs: [] })).toBeNull();
    const fixed = { ...SIGNATURE, outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2] }] } as const;
    expect(group({ signature: fixed })).toBeNull();
    expect(joinGroupOf(jobOf(1, 1, 3), 'v', 1)).toBeNull();
  });
});

describe('an answer that is not row by row', () => {
  const output = (shape: readonly number[], bytes: number): Tensor => ({
    name: 'y',
    datatype: 'FP32',
    shape,
    data: new Uint8Array(bytes),
  });

  it.each([
    ['has another number of rows', output([1, 2], 8)],
    ['is a scalar', output([], 4)],
    ['has fewer bytes than its shape says', output([3, 2], 20)],
    [
      'has BYTES that end early',
      { name: 'y', datatype: 'BYTES', shape: [3], data: encodeBytesElements([Buffer.from('one')]) } as Tensor,
    ],
  ])('is noticed when it %s', (_, bad) => {
    expect(splitOutputs([bad], [1, 2])).toBeNull();
  });
});

describe('a crowd, of which more waits than one run takes,', () => {
  /** Takes one run out of a queue with so many requests of each key, led by a request of `leader`. */
  function run(waiting: Readonly<Record<string, number>>, leader: string): string[] {
    const queue = createFairQueue<Waiting>(ROOMY);
    const entries = Object.entries(waiting).flatMap(([fairnessKey, count]) =>
      Array.from({ length: count }, () => waitingOf({ ...jobOf(1, 1, 1), fairnessKey })),
    );
    for (const entry of entries) queue.offer(entry);
    const first = entries.find(({ fairnessKey }) => fairnessKey === leader) as Waiting;
    queue.take(first, 1);
    return fillBatch(queue, first, LIMITS).map(({ fairnessKey }) => fairnessKey);
  }

  it('fills a run of somebody else only as far as that becomes little longer', () => {
    expect(run({ quiet: 1, crowd: 100 }, 'quiet')).toEqual(['quiet', 'crowd']);
    expect(run({ quiet: 3, crowd: 100 }, 'quiet').filter((key) => key === 'crowd')).toHaveLength(3);
    expect(run({ quiet: 1, crowd: 100, mob: 100 }, 'quiet')).toHaveLength(2);
  });

  it('fills its own runs', () => {
    expect(run({ crowd: 100 }, 'crowd')).toHaveLength(LIMITS.maxRows);
    expect(run({ crowd: 100, mob: 100 }, 'crowd')).toHaveLength(LIMITS.maxRows);
    expect(run({ quiet: 1, crowd: 100 }, 'crowd')).toContain('quiet');
  });

  it('is not who waits for this run alone, of however many keys', () => {
    const keys = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`key-${at}`, 1]));
    expect(run(keys, 'key-0')).toHaveLength(LIMITS.maxRows);
    expect(run({ quiet: 1, one: LIMITS.maxRows }, 'quiet')).toHaveLength(LIMITS.maxRows);
  });

  it('never adds more than that, whoever else waits', () => {
    const counts = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 30 }), {
      minKeys: 1,
    });
    fc.assert(
      fc.property(counts, fc.nat(), (waiting, at) => {
        const keys = Object.keys(waiting);
        const leader = keys[at % keys.length] as string;
        // The first has been taken when its company is looked for.
        const isCrowd = (key: string): boolean =>
          (waiting[key] as number) - (key === leader ? 1 : 0) > LIMITS.maxRows;
        const batch = run(waiting, leader);
        expect(batch.length).toBeLessThanOrEqual(LIMITS.maxRows);
        const others = batch.filter((key) => !isCrowd(key)).length;
        const all = keys.reduce((sum, key) => sum + (waiting[key] as number), 0);
        const ofOthers = keys.reduce((sum, key) => sum + (isCrowd(key) ? 0 : (waiting[key] as number)), 0);
        if (isCrowd(leader)) expect(batch).toHaveLength(Math.min(LIMITS.maxRows, all));
        else if (others < batch.length) expect(batch.length).toBeLessThanOrEqual(2 * others);
        // Who is no crowd gets in, as far as there is room.
        else expect(others).toBe(Math.min(LIMITS.maxRows, ofOthers));
      }),
    );
  });
});
