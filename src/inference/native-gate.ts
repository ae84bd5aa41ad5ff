/**
 * Keeps a worker thread from being terminated in the middle of a native call that does not survive it:
 * onnxruntime-node's binding aborts the whole process when its thread is told to end while a run is in progress
 * (it throws in a JavaScript engine that takes no exceptions any more, and nobody catches that). One shared number
 * says whether a call is in progress; who wants to end the thread then waits until the call has returned. That
 * costs nothing: a thread never ends before its native call does.
 */
const IDLE = 0;
const IN_CALL = 1;
/** The thread is to end; no call begins any more. */
const ENDING = 2;
const ENDING_AFTER_CALL = 3;

const ASKED_AGAIN_AFTER_MS = 10;

/** The thread's side. */
export interface NativeGate {
  /** @throws when the thread is to end: the call is not made then */
  around<T>(call: () => T): T;
}

/** For the pool, one for each thread. */
export function createGateMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** @param memory `null` where nothing can end a call half-way: in a process of its own */
export function nativeGate(memory: SharedArrayBuffer | null): NativeGate {
  if (memory === null) return { around: (call) => call() };
  const state = new Int32Array(memory);
  return {
    around(call) {
      if (Atomics.compareExchange(state, 0, IDLE, IN_CALL) !== IDLE) {
        throw new Error('The worker is ending.');
      }
      try {
        return call();
      } finally {
        if (Atomics.compareExchange(state, 0, IN_CALL, IDLE) !== IN_CALL) Atomics.store(state, 0, ENDING);
      }
    },
  };
}

/**
 * The pool's side: calls `end` now, or as soon as the call in progress has returned.
 * @returns stops waiting, for a thread that has left by itself
 */
export function endThroughGate(memory: SharedArrayBuffer, end: () => void): () => void {
  const state = new Int32Array(memory);
  Atomics.compareExchange(state, 0, IN_CALL, ENDING_AFTER_CALL);
  if (Atomics.compareExchange(state, 0, IDLE, ENDING) === IDLE || Atomics.load(state, 0) === ENDING) {
    end();
    return () => undefined;
  }
  // The call may have ended, and another begun, between the two lines above: so ask on.
  const timer = setInterval(() => {
    Atomics.compareExchange(state, 0, IN_CALL, ENDING_AFTER_CALL);
    const found = Atomics.compareExchange(state, 0, IDLE, ENDING);
    if (found !== IDLE && found !== ENDING) return;
    clearInterval(timer);
    end();
  }, ASKED_AGAIN_AFTER_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
