import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdmission, type Admission } from '../../../src/inference/admission.js';
import { createCostModel } from '../../../src/inference/cost-model.js';
import type { QueueBounds } from '../../../src/inference/fairness.js';
import type { Ticket } from '../../../src/inference/ticket.js';
import type { InferenceJob, InferenceReply } from '../../../src/inference/types.js';
import { systemClock } from '../../../src/lib/clock.js';
import { ok } from '../../../src/lib/result.js';

const always = (): boolean => true;
const ANSWER = ok({ worker: 'w' } as unknown as InferenceReply);
const VERSION = 'tfjs-wasm:d';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function world(bounds: Partial<QueueBounds> = {}, workers = 1) {
  const costs = createCostModel();
  const settled: Ticket[] = [];
  const admission: Admission = createAdmission({
    clock: systemClock,
    bounds: {
      maxQueued: 100,
      maxQueuedPerKey: 100,
      maxQueuedBytes: 1_000,
      maxQueuedBytesPerKey: 1_000,
      ...bounds,
    },
    scheduling: 'fair',
    costs,
    workers,
    maxBatchRows: 1,
    onSettled: (ticket) => settled.push(ticket),
  });
  return { admission, costs, settled };
}

function job(rest: Partial<InferenceJob> = {}): InferenceJob {
  return {
    artifact: { digest: 'd', path: '/pack', runtime: 'tfjs-wasm', batchable: false },
    signature: { inputs: [], outputs: [] },
    inputs: [{ name: 'x', datatype: 'UINT8', shape: [1], data: new Uint8Array(1) }],
    rows: 1,
    priority: 'NORMAL',
    fairnessKey: 'a',
    weight: 1,
    timeoutMs: 1_000,
    ...rest,
  };
}

function admitted(admission: Admission, rest: Partial<InferenceJob> = {}): Ticket {
  const result = admission.submit(job(rest));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function take({ queue }: Admission): Ticket | null {
  const next = queue.next(always);
  if (next !== null) queue.take(next, next.workMs);
  return next;
}

describe('admission', () => {
  it('answers a queued ticket at its deadline and gives its place back', async () => {
    const { admission, settled } = world();
    const ticket = admitted(admission, { timeoutMs: 50 });

    vi.advanceTimersByTime(49);
    expect(ticket.isSettled).toBe(false);
    vi.advanceTimersByTime(1);

    expect(await ticket.result).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    expect(admission.queue.length).toBe(0);
    expect(settled).toEqual([ticket]);
  });

  it('answers a ticket that is running at its deadline, and a later answer changes nothing', async () => {
    const { admission, settled } = world();
    const ticket = admitted(admission, { timeoutMs: 50 });
    expect(take(admission)).toBe(ticket);

    vi.advanceTimersByTime(50);
    ticket.settle(ANSWER);

    expect(await ticket.result).toMatchObject({
      error: { code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('still running') as string },
    });
    expect(settled).toHaveLength(1);
  });

  it('lets a ticket go when its caller leaves, before or after it was queued', async () => {
    const { admission } = world();
    const controller = new AbortController();
    const ticket = admitted(admission, { signal: controller.signal });

    controller.abort();

    expect(await ticket.result).toMatchObject({ error: { code: 'CANCELLED' } });
    expect(admission.queue.length).toBe(0);
    expect(admission.submit(job({ signal: controller.signal }))).toMatchObject({
      ok: false,
      error: { code: 'CANCELLED' },
    });
  });

  it('holds no timer once its tickets are settled, and one for all of them before', () => {
    const { admission } = world();
    const tickets = [100, 50, 200].map((timeoutMs) => admitted(admission, { timeoutMs }));
    expect(vi.getTimerCount()).toBe(1);
    for (const ticket of tickets) ticket.settle(ANSWER);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -1, NaN])('refuses a timeout of %s ms at once', (timeoutMs) => {
    expect(world().admission.submit(job({ timeoutMs }))).toMatchObject({
      ok: false,
      error: { code: 'DEADLINE_EXCEEDED' },
    });
  });

  it('refuses with the time that the work before the caller will take', () => {
    const { admission, costs } = world({ maxQueued: 4 }, 2);
    costs.observe(VERSION, 1, 100);
    for (let i = 0; i < 4; i++) admitted(admission);

    // Four jobs of 100 ms on two workers.
    expect(admission.submit(job())).toMatchObject({
      ok: false,
      error: { code: 'OVERLOADED', retryAfterMs: 200 },
    });
    expect(vi.getTimerCount()).toBe(1);
  });

  it('bounds each key, and tells a loud one how long its own turn takes', () => {
    const { admission, costs } = world({ maxQueuedPerKey: 2 });
    costs.observe(VERSION, 1, 10);
    admitted(admission);
    admitted(admission);
    admitted(admission, { fairnessKey: 'b' });

    expect(admission.submit(job())).toMatchObject({ error: { code: 'OVERLOADED', retryAfterMs: 30 } });
    expect(admission.submit(job({ fairnessKey: 'b' })).ok).toBe(true);
  });

  it('expects of each signature of a version what that one takes', () => {
    const { admission, costs } = world();
    costs.observe(`${VERSION}/heavy`, 1, 500);
    costs.observe(VERSION, 1, 2);
    const { artifact } = job();
    const heavy = admitted(admission, { artifact: { ...artifact, signatureName: 'heavy' } });
    const light = admitted(admission);
    const unknown = admitted(admission, { artifact: { ...artifact, signatureName: 'new' } });
    expect([heavy, light].map(({ workMs }) => workMs)).toEqual([500, 2]);
    expect(unknown.workMs).not.toBe(2);
    // One model in memory all the same.
    expect(heavy.version).toBe(light.version);
  });

  it('corrects its estimates by how long others really waited', () => {
    const { admission, costs } = world({ maxQueuedPerKey: 50 });
    costs.observe(VERSION, 1, 10);
    // Work takes twice as long as it computes: the machine is busy with other things.
    const waits = (): void => {
      for (let i = 0; i < 50; i++) admitted(admission, { timeoutMs: 100_000 });
      for (let i = 0; i < 50; i++) {
        const ticket = take(admission);
        if (ticket !== null) admission.observeWait(ticket, ticket.admittedAtMs + 20 * i);
        ticket?.settle(ANSWER);
      }
    };
    waits();
    waits();
    for (let i = 0; i < 50; i++) admitted(admission);

    const refused = admission.submit(job());

    const retryAfterMs = !refused.ok && refused.error.code === 'OVERLOADED' ? refused.error.retryAfterMs : 0;
    expect(retryAfterMs).toBeGreaterThan(950);
    expect(retryAfterMs).toBeLessThan(1_010);
  });

  it('does not queue again what was settled while a worker had it', () => {
    const { admission } = world();
    const ticket = admitted(admission);
    take(admission);
    vi.advanceTimersByTime(1_000);

    admission.putBack(ticket);

    expect(admission.queue.length).toBe(0);
  });

  it('puts a retried ticket before all others', () => {
    const { admission } = world();
    const first = admitted(admission);
    admitted(admission);
    admitted(admission, { fairnessKey: 'b' });
    take(admission);

    admission.putBack(first);

    expect(take(admission)).toBe(first);
  });
});
