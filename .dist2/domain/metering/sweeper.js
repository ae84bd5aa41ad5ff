class ReservationSweeper {
  #options;
  #timer = null;
  #running = Promise.resolve();
  #isStopped = false;
  constructor(options) {
    this.#options = options;
  }
  /** Resolves after the first sweep, so that a server that was killed starts with its quotas whole. */
  async start() {
    await this.#sweepThenWait();
  }
  /** Resolves when a sweep in progress has ended. */
  async stop() {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }
  #sweepThenWait() {
    this.#running = this.#sweepOnce().then(() => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => void this.#sweepThenWait(), this.#options.everyMs);
      this.#timer.unref();
    });
    return this.#running;
  }
  async #sweepOnce() {
    try {
      const swept = await this.#options.sweep();
      if (swept > 0) this.#options.log.info({ swept }, "What dead processes had reserved was given back.");
    } catch (error) {
      this.#options.log.warn({ err: error }, "Expired reservations could not be swept; trying again later.");
    }
  }
}
export {
  ReservationSweeper
};
//# sourceMappingURL=sweeper.js.map
