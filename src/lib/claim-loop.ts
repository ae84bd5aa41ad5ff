/**
 * Runs jobs that wait in a table: claims as many as may run at one time, and looks for more when one has ended, when it is
 * woken, or a moment after a fault. The queue is the table, so that nothing is lost with the process; what a claim means,
 * and how long it is good, is the table's affair.
 */
export interface ClaimLoopOptions<Job> {
  /** Jobs that this process runs at one time. */
  readonly maxRunning: number;
  /** The next job, claimed for this process; `null`: nothing to do. */
  readonly claim: () => Promise<Job | null>;
  readonly idOf: (job: Job) => string;
  /** Fires `stop` of its own accord when the job is lost to another process. */
  readonly run: (job: Job, stop: AbortController) => Promise<void>;
  readonly onClaimFault: (fault: unknown) => void;
  readonly onRunFault: (fault: unknown, id: string) => void;
  /** The job runs here no more, however it ended. */
  readonly onEnd: (id: string) => void;
  /** How long to wait after a fault before looking again. */
  readonly retryMs: number;
}

export class ClaimLoop<Job> {
  readonly #options: ClaimLoopOptions<Job>;
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  #filling: Promise<void> = Promise.resolve();
  #isFilling = false;
  #wantsMore = false;
  #isStopped = true;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: ClaimLoopOptions<Job>) {
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  /** Claims no more and stops what runs; resolves when all of it has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#filling;
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Says that there may be something to run. Cheap, and may be called at any time. */
  wake(): void {
    this.#wantsMore = true;
    if (this.#isFilling || this.#isStopped) return;
    this.#isFilling = true;
    this.#filling = this.#fill().finally(() => {
      this.#isFilling = false;
    });
  }

  /** The same, after `retryMs`: what was put back rests until then. */
  wakeLater(): void {
    if (this.#isStopped) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.wake(), this.#options.retryMs);
  }

  /** Stops one job, if it runs here. */
  interrupt(id: string): void {
    this.#running.get(id)?.stop.abort();
  }

  async #fill(): Promise<void> {
    const { claim, maxRunning, onClaimFault } = this.#options;
    try {
      while (this.#wantsMore && !this.#isStopped) {
        this.#wantsMore = false;
        while (this.#running.size < maxRunning && !this.#isStopped) {
          const job = await claim();
          if (job === null) break;
          this.#begin(job);
        }
      }
    } catch (fault) {
      onClaimFault(fault);
      this.wakeLater();
    }
  }

  #begin(job: Job): void {
    const { idOf, run, onRunFault, onEnd } = this.#options;
    const id = idOf(job);
    const stop = new AbortController();
    const done = run(job, stop)
      .catch((fault: unknown) => {
        onRunFault(fault, id);
        this.wakeLater();
      })
      .finally(() => {
        this.#running.delete(id);
        onEnd(id);
        this.wake();
      });
    this.#running.set(id, { stop, done });
  }
}
