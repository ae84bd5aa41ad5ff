/** Waiting that a stop ends at once. */
export interface Pauses {
  /** Resolves after `ms`, or when the signal fires. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export const realPauses: Pauses = Object.freeze({
  pause: (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    }),
});
