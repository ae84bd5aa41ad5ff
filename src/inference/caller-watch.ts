/** @returns stops watching */
export type WatchCaller = (signal: AbortSignal, onGone: () => void) => () => void;

/**
 * Who waits for a caller to go. A caller has one signal for as long as its connection lives, and many requests; adding
 * and removing an event listener for each costs more than queueing the request, so each signal has one listener and a set.
 *
 * The function returned calls `onGone` once when the caller goes, and never when it has gone before.
 */
export function createCallerWatch(): WatchCaller {
  const watched = new WeakMap<AbortSignal, Set<() => void>>();

  function watchersOf(signal: AbortSignal): Set<() => void> {
    const known = watched.get(signal);
    if (known !== undefined) return known;
    const watchers = new Set<() => void>();
    signal.addEventListener(
      'abort',
      () => {
        const all = [...watchers];
        watchers.clear();
        for (const onGone of all) onGone();
      },
      { once: true },
    );
    watched.set(signal, watchers);
    return watchers;
  }

  return (signal, onGone) => {
    const watchers = watchersOf(signal);
    watchers.add(onGone);
    return () => void watchers.delete(onGone);
  };
}
