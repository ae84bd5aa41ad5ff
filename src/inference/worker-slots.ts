/**
 * Keeps a fixed number of places filled with workers: opens, watches, replaces, stops.
 *
 * - A worker that goes down is replaced at once. Workers that die before they are ready, or while idle, are
 *   replaced after a growing pause, so that a broken machine does not spin; an answered task resets it.
 * - A worker that was given up in a native call still occupies a thread. At most `maxStuck` such threads may
 *   exist; at the cap, a place waits for one of them to end.
 */
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { RuntimeMemory } from './messages.js';
import type { WorkerView } from './scheduler.js';
import type { RuntimeName } from './types.js';
import type { OpenWorkerChannel } from './worker-channel.js';
import { WorkerHandle, type WorkerLimits, type WorkerState } from './worker-handle.js';

export interface WorkerSlotsDeps {
  readonly workers: number;
  readonly maxStuck: number;
  readonly memoryBudgetBytesPerWorker: number;
  readonly open: OpenWorkerChannel;
  readonly limits: WorkerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A worker became ready: there may be work for it. */
  readonly onReady: () => void;
  readonly onEvicted: (models: number) => void;
}

export interface WorkerMemory {
  readonly worker: string;
  readonly engines: readonly RuntimeMemory[];
}

/** A place as the scheduler sees it, with the worker that is in it now. */
export interface SlotView extends WorkerView {
  readonly handle: WorkerHandle | null;
}

interface Slot {
  readonly index: number;
  readonly view: SlotView;
  handle: WorkerHandle | null;
  /** Workers opened in this place so far. */
  generation: number;
  /** Deaths in a row that no task explains. */
  failures: number;
  /** Pause before the next worker, or `null` when none is planned. */
  timer: NodeJS.Timeout | null;
  /** The next worker waits for a stuck thread to end. */
  isWaitingForThread: boolean;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long `stop` waits for threads that were told to end; a native call may hold one longer. */
const LAST_WAIT_MS = 2_000;

export class WorkerSlots {
  readonly #deps: WorkerSlotsDeps;
  readonly #slots: readonly Slot[];
  readonly #views: readonly SlotView[];
  /** Given up, not yet ended. */
  readonly #leaving = new Set<WorkerHandle>();
  #isStopping = false;

  constructor(deps: WorkerSlotsDeps) {
    this.#deps = deps;
    this.#slots = Array.from({ length: deps.workers }, (_, index) => ({
      index,
      view: this.#viewOf(index),
      handle: null,
      generation: 0,
      failures: 0,
      timer: null,
      isWaitingForThread: false,
    }));
    this.#views = this.#slots.map(({ view }) => view);
  }

  /**
   * Opens all workers; settles when each is ready or has failed once.
   * @throws Error with one sentence when none became ready; nothing is left running then
   */
  async start(): Promise<void> {
    const outcomes = await Promise.all(this.#slots.map((slot) => this.#open(slot)));
    if (outcomes.some((outcome) => outcome === null)) return;
    await this.stop(0);
    throw new Error(`No inference worker can start: ${outcomes[0] ?? 'there are none'}`);
  }

  get slots(): readonly {
    readonly index: number;
    readonly handle: WorkerHandle | null;
    readonly generation: number;
  }[] {
    return this.#slots;
  }

  /** Threads that were given up and have not ended. */
  get stuck(): number {
    return this.#leaving.size;
  }

  /** The same objects for the whole life of the pool; they show the present. */
  get views(): readonly SlotView[] {
    return this.#views;
  }

  /** Why no worker can use the engine, or `null` while one can or it is not known yet. */
  findUnavailability(runtime: RuntimeName): string | null {
    let reason: string | null = null;
    for (const { handle } of this.#slots) {
      const readiness = handle?.runtimes.find((entry) => entry.runtime === runtime);
      if (readiness === undefined || readiness.available) return null;
      reason = readiness.reason;
    }
    return reason;
  }

  /** A task was answered: this place works. */
  recordAnswer(slotIndex: number): void {
    const slot = this.#slots[slotIndex];
    if (slot !== undefined) slot.failures = 0;
  }

  async evict(digest: string): Promise<void> {
    await Promise.all(this.#slots.map(async ({ handle }) => handle?.evict(digest)));
  }

  async memory(): Promise<WorkerMemory[]> {
    const handles = this.#slots.flatMap(({ handle }) => (handle === null ? [] : [handle]));
    return Promise.all(
      handles.map(async (handle) => ({ worker: handle.name, engines: await handle.memory() })),
    );
  }

  /** Ends all workers. Settles when all have ended, or when only native calls hold threads back. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const slot of this.#slots) if (slot.timer !== null) clearTimeout(slot.timer);
    const handles = [
      ...this.#leaving,
      ...this.#slots.flatMap(({ handle }) => (handle === null ? [] : [handle])),
    ];
    let timer: NodeJS.Timeout | undefined;
    const lastWait = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs + LAST_WAIT_MS);
    });
    await Promise.race([Promise.all(handles.map((handle) => handle.stop(graceMs))), lastWait]);
    clearTimeout(timer);
  }

  /** Opens the next worker of a place. Resolves to why it failed, or `null`. */
  async #open(slot: Slot): Promise<string | null> {
    slot.timer = null;
    slot.isWaitingForThread = false;
    slot.generation += 1;
    const handle = new WorkerHandle({
      name: `worker-${slot.index}.${slot.generation}`,
      open: this.#deps.open,
      limits: this.#deps.limits,
      clock: this.#deps.clock,
      onEvicted: this.#deps.onEvicted,
      onDown: (before, reason) => {
        this.#replace(slot, handle, before, reason);
      },
    });
    slot.handle = handle;
    const outcome = await handle.start();
    if (!outcome.ok) return outcome.reason;
    this.#deps.logger.info({ worker: handle.name, runtimes: outcome.runtimes }, 'inference worker is ready');
    this.#deps.onReady();
    return null;
  }

  #replace(slot: Slot, handle: WorkerHandle, before: WorkerState['kind'], reason: string): void {
    if (this.#isStopping) return;
    this.#deps.logger.warn({ worker: handle.name, before, reason }, 'inference worker is replaced');
    slot.handle = null;
    this.#leaving.add(handle);
    void handle.ended.then(() => {
      this.#leaving.delete(handle);
      for (const waiting of this.#slots) if (waiting.isWaitingForThread) this.#plan(waiting);
    });
    if (before !== 'busy') slot.failures += 1;
    this.#plan(slot);
  }

  #viewOf(index: number): SlotView {
    const handle = (): WorkerHandle | null => this.#slots[index]?.handle ?? null;
    const budgetBytes = this.#deps.memoryBudgetBytesPerWorker;
    return Object.freeze({
      slot: index,
      get handle() {
        return handle();
      },
      get places() {
        return handle()?.places ?? 0;
      },
      get idle() {
        return handle()?.idle ?? false;
      },
      get freeBytes() {
        return budgetBytes - (handle()?.residentBytes ?? 0);
      },
      canRun: (runtime: RuntimeName) => handle()?.canRun(runtime) ?? false,
      holds: (version: string) => handle()?.holds(version) ?? false,
    });
  }

  #plan(slot: Slot): void {
    if (this.#isStopping) return;
    if (this.#leaving.size > this.#deps.maxStuck) {
      slot.isWaitingForThread = true;
      return;
    }
    slot.isWaitingForThread = false;
    const pauseMs =
      slot.failures === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (slot.failures - 1));
    slot.timer = setTimeout(() => void this.#open(slot), pauseMs);
  }
}
