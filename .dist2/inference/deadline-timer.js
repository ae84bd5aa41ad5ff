const MAX_TIMER_MS = 2 ** 31 - 1;
class DeadlineTimer {
  #heap = [];
  #clock;
  #onDeadline;
  #timer = null;
  #firesAtMs = Infinity;
  constructor(clock, onDeadline) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }
  add(item) {
    this.#place(item, this.#heap.length);
    this.#rise(item);
    if (item.deadlineAtMs < this.#firesAtMs) this.#arm();
  }
  /** Does nothing when it is not there. */
  remove(item) {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop();
    if (last !== item) {
      this.#place(last, at);
      this.#rise(last);
      this.#sink(last);
    }
    if (this.#heap.length === 0) this.#disarm();
  }
  #fire() {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#heap[0]; first !== void 0; first = this.#heap[0]) {
      if (first.deadlineAtMs > nowMs) break;
      this.remove(first);
      this.#onDeadline(first);
    }
    if (this.#timer === null && this.#heap.length > 0) this.#arm();
  }
  #arm() {
    const first = this.#heap[0];
    if (first === void 0) return;
    this.#disarm();
    const waitMs = Math.max(1, Math.ceil(first.deadlineAtMs - this.#clock.monotonicMs()));
    this.#firesAtMs = first.deadlineAtMs;
    this.#timer = setTimeout(
      () => {
        this.#fire();
      },
      Math.min(waitMs, MAX_TIMER_MS)
    );
  }
  #disarm() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#firesAtMs = Infinity;
  }
  #place(item, at) {
    this.#heap[at] = item;
    item.heapIndex = at;
  }
  #rise(item) {
    for (let at = item.heapIndex; at > 0; ) {
      const above = at - 1 >> 1;
      const parent = this.#heap[above];
      if (parent.deadlineAtMs <= item.deadlineAtMs) return;
      this.#place(parent, at);
      this.#place(item, above);
      at = above;
    }
  }
  #sink(item) {
    for (let at = item.heapIndex; ; ) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const least = right !== void 0 && left !== void 0 && right.deadlineAtMs < left.deadlineAtMs ? right : left;
      if (least === void 0 || least.deadlineAtMs >= item.deadlineAtMs) return;
      const below = least.heapIndex;
      this.#place(least, at);
      this.#place(item, below);
      at = below;
    }
  }
}
export {
  DeadlineTimer
};
//# sourceMappingURL=deadline-timer.js.map
