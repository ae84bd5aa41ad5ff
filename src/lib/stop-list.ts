import type { Logger } from './logger.js';

interface Entry {
  readonly name: string;
  readonly stop: () => Promise<void>;
  readonly deadlineMs: number;
}

/** What has been started, to be stopped in reverse order. */
export interface StopList {
  /** To be called right after the part has started. What takes longer than the deadline is left behind. */
  add(name: string, deadlineMs: number, stop: () => Promise<void>): void;
  /** Stops everything, newest first. Never throws: one part that fails must not keep the others running. */
  stopAll(): Promise<void>;
}

export function createStopList(log: Logger): StopList {
  const entries: Entry[] = [];

  async function stopOne({ name, stop, deadlineMs }: Entry): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), deadlineMs);
    });
    try {
      const outcome = await Promise.race([stop(), late]);
      if (outcome === 'late') log.warn({ part: name, deadlineMs }, 'A part did not stop in time and is left');
    } catch (error) {
      log.error({ part: name, err: error }, 'A part failed to stop');
    } finally {
      clearTimeout(timer);
    }
  }

  return Object.freeze({
    add(name: string, deadlineMs: number, stop: () => Promise<void>) {
      entries.push({ name, deadlineMs, stop });
    },
    async stopAll() {
      for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) await stopOne(entry);
    },
  });
}
