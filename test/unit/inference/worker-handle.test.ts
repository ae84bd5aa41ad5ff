/** The state machine alone, with a channel held by the test. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WorkerMessage, WorkerRequest } from '../../../src/inference/messages.js';
import type { WorkerChannelListeners } from '../../../src/inference/worker-channel.js';
import { WorkerHandle } from '../../../src/inference/worker-handle.js';
import { systemClock } from '../../../src/lib/clock.js';

const LIMITS = { startTimeoutMs: 1_000, loadTimeoutMs: 10_000, overrunGraceMs: 100 };
const ARTIFACT = { digest: 'd', path: '/pack', runtime: 'tfjs-wasm', batchable: true } as const;
const READY: WorkerMessage = {
  type: 'ready',
  runtimes: [{ runtime: 'tfjs-wasm', available: true, reason: null }],
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function world() {
  const posted: WorkerRequest[] = [];
  const downs: string[] = [];
  let terminations = 0;
  let listeners: WorkerChannelListeners | undefined;
  const handle = new WorkerHandle({
    name: 'w',
    limits: LIMITS,
    clock: systemClock,
    open: (_, given) => {
      listeners = given;
      return {
        post: (request) => posted.push(request),
        terminate: () => {
          terminations += 1;
        },
      };
    },
    onDown: (before, reason) => downs.push(`${before}: ${reason}`),
  });
  const started = handle.start();
  const channel = (): WorkerChannelListeners => {
    if (listeners === undefined) throw new Error('The channel is not open.');
    return listeners;
  };
  return {
    handle,
    started,
    posted,
    downs,
    say: (message: WorkerMessage) => {
      channel().onMessage(message);
    },
    fail: (reason: string) => {
      channel().onError(reason);
    },
    exit: (code: number) => {
      channel().onExit(code);
    },
    get terminations() {
      return terminations;
    },
  };
}

function task(timeoutMs: number) {
  return { artifact: ARTIFACT, inputs: [], deadlineAtMs: systemClock.monotonicMs() + timeoutMs };
}

describe('a worker handle', () => {
  it('is ready when the worker says so, and given up when it does not in time', async () => {
    const good = world();
    good.say(READY);
    expect(await good.started).toMatchObject({ ok: true });
    expect(good.handle.state.kind).toBe('ready');

    const silent = world();
    vi.advanceTimersByTime(1_000);
    expect(await silent.started).toEqual({ ok: false, reason: 'it was not ready within 1000 ms' });
    expect(silent.terminations).toBe(1);
    expect(silent.downs).toEqual(['starting: it was not ready within 1000 ms']);
  });

  it('gives a task its answer, and only the answer with its id', async () => {
    const it = world();
    it.say(READY);
    const outcome = it.handle.run(task(500));
    const [request] = it.posted;
    it.say({ type: 'loaded', id: 999, bytes: 1, loadMs: 1 });
    expect(it.handle.state.kind).toBe('busy');
    it.say({ type: 'inferred', id: request?.id ?? 0, outputs: [], loadMs: 0, computeMs: 1 });

    expect(await outcome).toMatchObject({ kind: 'inferred', computeMs: 1 });
    expect(it.handle.state.kind).toBe('ready');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is given up when a run overstays its deadline and the grace, and its late answer is nobody’s', async () => {
    const it = world();
    it.say(READY);
    const outcome = it.handle.run(task(500));
    vi.advanceTimersByTime(599);
    expect(it.handle.state.kind).toBe('busy');
    vi.advanceTimersByTime(2);

    expect(await outcome).toEqual({ kind: 'overran', phase: 'computing' });
    expect(it.handle.state.kind).toBe('stopping');
    it.say({ type: 'inferred', id: it.posted[0]?.id ?? 0, outputs: [], loadMs: 0, computeMs: 1 });
    expect(it.handle.state.kind).toBe('stopping');
    it.exit(1);
    await it.handle.ended;
    expect(it.handle.state.kind).toBe('gone');
    expect(it.downs).toHaveLength(1);
  });

  it('measures a load by the load limit, and the run after it by the deadline again', async () => {
    const it = world();
    it.say(READY);
    const outcome = it.handle.run(task(500));
    const id = it.posted[0]?.id ?? 0;
    it.say({ type: 'loading', id });
    vi.advanceTimersByTime(5_000);
    expect(it.handle.state).toMatchObject({ kind: 'busy', phase: 'loading' });
    it.say({ type: 'computing', id });
    vi.advanceTimersByTime(101);

    expect(await outcome).toEqual({ kind: 'overran', phase: 'computing' });
  });

  it('loses its task when the worker dies, says why, and goes down once', async () => {
    const it = world();
    it.say(READY);
    const outcome = it.handle.run(task(500));
    const evicted = it.handle.evict('d');
    it.fail('it ran out of memory');
    it.exit(1);

    expect(await outcome).toEqual({ kind: 'lost', reason: 'it ran out of memory', hadBegun: true });
    await evicted;
    await it.handle.ended;
    expect(it.downs).toEqual(['busy: it ran out of memory']);
  });

  it('stops politely when idle, and by force when the worker does not leave', async () => {
    const it = world();
    it.say(READY);
    const stopped = it.handle.stop(200);
    expect(it.posted.map(({ type }) => type)).toEqual(['stop']);
    expect(it.terminations).toBe(0);
    vi.advanceTimersByTime(200);
    expect(it.terminations).toBe(1);
    it.exit(0);
    await stopped;
    expect(it.downs).toEqual([]);
  });

  it('takes one run ahead of the one in progress, and refuses a third', async () => {
    const it = world();
    it.say(READY);
    const first = it.handle.run(task(500));
    expect(it.handle).toMatchObject({ idle: false, places: 1 });
    const second = it.handle.run(task(500));
    expect(it.handle.places).toBe(0);
    expect(() => it.handle.run(task(500))).toThrow('is busy, not ready');

    const [one, two] = it.posted.map(({ id }) => id);
    it.say({ type: 'inferred', id: one ?? 0, outputs: [], loadMs: 0, computeMs: 1 });
    expect(await first).toMatchObject({ kind: 'inferred', computeMs: 1 });
    expect(it.handle.state.kind).toBe('busy');
    it.say({ type: 'inferred', id: two ?? 0, outputs: [], loadMs: 0, computeMs: 2 });
    expect(await second).toMatchObject({ kind: 'inferred', computeMs: 2 });
    expect(it.handle).toMatchObject({ idle: true, work: { runs: 2 } });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('measures the time of a run that was posted ahead from when it can begin', async () => {
    const it = world();
    it.say(READY);
    void it.handle.run(task(500));
    const second = it.handle.run(task(100));
    vi.advanceTimersByTime(450);
    expect(it.handle.state.kind).toBe('busy');
    it.say({ type: 'inferred', id: it.posted[0]?.id ?? 0, outputs: [], loadMs: 0, computeMs: 1 });
    vi.advanceTimersByTime(101);
    expect(await second).toEqual({ kind: 'overran', phase: 'computing' });
  });

  it('tells which task may be why the worker died, and which had not begun', async () => {
    const it = world();
    it.say(READY);
    const outcomes = [it.handle.run(task(500)), it.handle.run(task(500))];
    it.exit(139);
    expect(await Promise.all(outcomes)).toMatchObject([
      { kind: 'lost', hadBegun: true },
      { kind: 'lost', hadBegun: false },
    ]);
  });

  it('has no place while it loads, nor while it is kept for a load', () => {
    const it = world();
    it.say(READY);
    it.handle.reserve();
    expect(it.handle).toMatchObject({ idle: false, places: 0 });
    it.handle.unreserve();
    expect(it.handle).toMatchObject({ idle: true, places: 2 });
    void it.handle.run({ ...task(500), inputs: null });
    it.say({ type: 'loading', id: it.posted[0]?.id ?? 0 });
    expect(it.handle.places).toBe(0);
  });
});
