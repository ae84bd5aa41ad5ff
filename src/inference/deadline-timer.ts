/**
 * One timer for many deadlines: a binary heap that knows each item's place, so that an item leaves it in
 * O(log n) as soon as it is answered. A timer per request would cost more than the rest of its admission.
 */
import type { Clock } from '../lib/clock.js';

export interface Deadlined {
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  /** Its place in the heap, which alone writes it; -1 outside. */
  heapIndex: number;
}

/** setTimeout fires at once above this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class DeadlineTimer<T extends Deadlined> {
  readonly #heap: T[] = [];
  readonly #clock: Clock;
  readonly #onDeadline: (item: T) => void;
  #timer: NodeJS.Timeout | null = null;
  #firesAtMs = Infinity;

  constructor(clock: Clock, onDeadline: (item: T) => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  add(item: T): void {
    this.#place(item, this.#heap.length);
    this.#rise(item);
    // A timer that fires too early only looks and sets itself again: later deadlines need no new one.
    if (item.deadlineAtMs < this.#firesAtMs) this.#arm();
  }

  /** Does nothing when it is not there. */
  remove(item: T): void {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop() as T;
    if (last !== item) {
      this.#place(last, at);
      this.#rise(last);
      this.#sink(last);
    }
    if (this.#heap.length === 0) this.#disarm();
  }

  #fire(): void {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.deadlineAtMs > nowMs) break;
      this.remove(first);
      this.#onDeadline(first);
    }
    if (this.#timer === null && this.#heap.length > 0) this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined) return;
    this.#disarm();
    const waitMs = Math.max(1, Math.ceil(first.deadlineAtMs - this.#clock.monotonicMs()));
    this.#firesAtMs = first.deadlineAtMs;
    this.#timer = setTimeout(
      () => {
        this.#fire();
      },
      Math.min(waitMs, MAX_TIMER_MS),
    );
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#firesAtMs = Infinity;
  }

  #place(item: T, at: number): void {
    this.#heap[at] = item;
    item.heapIndex = at;
  }

  #rise(item: T): void {
    for (let at = item.heapIndex; at > 0;) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above] as T;
      if (parent.deadlineAtMs <= item.deadlineAtMs) return;
      this.#place(parent, at);
      this.#place(item, above);
      at = above;
    }
  }

  #sink(item: T): void {
    for (let at = item.heapIndex; ;) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const least =
        right !== undefined && left !== undefined && right.deadlineAtMs < left.deadlineAtMs ? right : left;
      if (least === undefined || least.deadlineAtMs >= item.deadlineAtMs) return;
      const below = least.heapIndex;
      this.#place(least, at);
      this.#place(item, below);
      at = below;
    }
  }
}
