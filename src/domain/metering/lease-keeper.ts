export interface KeeperOptions {
  readonly tend: () => void;
  readonly giveBackIdle: () => Promise<void>;
  readonly everyMs: number;
}

/** Keeps the leases of this process: renewed while used, given back when idle and at the stop. */
export class LeaseKeeper {
  readonly #options: KeeperOptions;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(this.#options.tend, this.#options.everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#options.giveBackIdle();
  }
}
