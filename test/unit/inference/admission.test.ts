import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdmission, type Admission, type AdmissionRequest } from '../../../src/inference/admission.js';
import type { Clock } from '../../../src/lib/clock.js';
import { ok } from '../../../src/lib/result.js';

const clock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };
const always = (): boolean => true;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function admissionOf(bounds: { maxQueued?: number; maxQueuedPerKey?: number; workers?: number } = {}) {
  const admission: Admission<string, string> = createAdmission({
    clock,
    workers: 1,
    maxQueued: 100,
    maxQueuedPerKey: 100,
    maxQueuedBytes: 1000,
    ...bounds,
  });
  return admission;
}

function request(work: string, rest: Partial<AdmissionRequest<string>> = {}): AdmissionRequest<string> {
  return { work, fairnessKey: 'a', bytes: 1, timeoutMs: 1_000, ...rest };
}

function admitted(
  admission: Admission<string, string>,
  work: string,
  rest: Partial<AdmissionRequest<string>> = {},
) {
  const result = admission.submit(request(work, rest));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe('admission', () => {
  it('answers a queued ticket at its deadline and gives its place back', async () => {
    const admission = admissionOf();
    const ticket = admitted(admission, 'late', { timeoutMs: 50 });

    vi.advanceTimersByTime(49);
    expect(ticket.isSettled).toBe(false);
    vi.advanceTimersByTime(1);

    expect(await ticket.result).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    expect(admission.queued).toBe(0);
    expect(admission.take(always)).toBeNull();
  });

  it('answers a ticket that is running at its deadline, and a later answer changes nothing', async () => {
    const admission = admissionOf();
    const ticket = admitted(admission, 'slow', { timeoutMs: 50 });
    expect(admission.take(always)).toBe(ticket);

    vi.advanceTimersByTime(50);
    ticket.settle(ok('too late'));

    expect(await ticket.result).toMatchObject({
      error: { code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('still running') as string },
    });
  });

  it('lets a ticket go when its caller leaves, before or after it was queued', async () => {
    const admission = admissionOf();
    const controller = new AbortController();
    const ticket = admitted(admission, 'left', { signal: controller.signal });

    controller.abort();

    expect(await ticket.result).toMatchObject({ error: { code: 'CANCELLED' } });
    expect(admission.queued).toBe(0);
    expect(admission.submit(request('gone already', { signal: controller.signal }))).toMatchObject({
      ok: false,
      error: { code: 'CANCELLED' },
    });
  });

  it('holds no timer and no listener once a ticket is settled', () => {
    const admission = admissionOf();
    const ticket = admitted(admission, 'quick');
    ticket.settle(ok('done'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -1, NaN])('refuses a timeout of %s ms at once', (timeoutMs) => {
    expect(admissionOf().submit(request('x', { timeoutMs }))).toMatchObject({
      ok: false,
      error: { code: 'DEADLINE_EXCEEDED' },
    });
  });

  it('refuses with the time that the queue before the caller will take', () => {
    const admission = admissionOf({ maxQueued: 4, workers: 2 });
    admission.observeServiceMs(100);
    for (const work of ['1', '2', '3', '4']) admitted(admission, work);

    const refused = admission.submit(request('5'));

    // Four jobs of 100 ms on two workers.
    expect(refused).toMatchObject({ ok: false, error: { code: 'OVERLOADED', retryAfterMs: 200 } });
    expect(vi.getTimerCount()).toBe(4);
  });

  it('bounds each key, and tells a loud one how long its own line takes', () => {
    const admission = admissionOf({ maxQueuedPerKey: 2 });
    admission.observeServiceMs(10);
    admitted(admission, '1');
    admitted(admission, '2');
    admitted(admission, '3', { fairnessKey: 'b' });

    const refused = admission.submit(request('4'));

    expect(refused).toMatchObject({ error: { code: 'OVERLOADED', retryAfterMs: 30 } });
    expect(admission.submit(request('5', { fairnessKey: 'b' })).ok).toBe(true);
  });

  it('does not queue again what was settled while a worker had it', () => {
    const admission = admissionOf();
    const ticket = admitted(admission, 'crashed');
    admission.take(always);
    vi.advanceTimersByTime(1_000);

    admission.putBack(ticket);

    expect(admission.queued).toBe(0);
  });

  it('puts a retried ticket before all others', () => {
    const admission = admissionOf();
    const first = admitted(admission, '1');
    admitted(admission, '2');
    admitted(admission, '3', { fairnessKey: 'b' });
    admission.take(always);

    admission.putBack(first);

    expect(admission.take(always)).toBe(first);
  });
});
