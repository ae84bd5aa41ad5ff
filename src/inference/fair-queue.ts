/**
 * A bounded queue that is fair between opaque keys: keys take turns, one entry each, and within a key the
 * order of arrival holds. Pure data: no timers, no promises.
 * Invariant: `rotation` holds exactly the keys that have entries, each once.
 */
export interface Keyed {
  readonly fairnessKey: string;
  /** Memory that the entry holds while it waits. */
  readonly bytes: number;
}

export interface FairQueueBounds {
  readonly maxQueued: number;
  readonly maxQueuedPerKey: number;
  /** An entry that is larger than this still fits an empty queue. */
  readonly maxQueuedBytes: number;
}

export type Offer =
  | { readonly accepted: true }
  /** `ahead`: entries that leave before one that arrives when there is room again; at least 1. */
  | { readonly accepted: false; readonly full: 'queue' | 'key'; readonly ahead: number };

export interface FairQueue<T extends Keyed> {
  readonly length: number;
  /** Adds at the end of its key's line, or says which bound it would break. */
  offer(entry: T): Offer;
  /** Puts an entry that was taken back at the head of its key and of the rotation. Ignores the bounds. */
  putBack(entry: T): void;
  /** The next entry by turn whose key's head passes `isRunnable`, removed; `null` when none does. */
  take(isRunnable: (entry: T) => boolean): T | null;
  /** False when the entry is not queued. */
  remove(entry: T): boolean;
  /** Empties the queue. */
  drain(): T[];
}

export function createFairQueue<T extends Keyed>(bounds: FairQueueBounds): FairQueue<T> {
  const lines = new Map<string, T[]>();
  let rotation: string[] = [];
  let length = 0;
  let bytes = 0;

  const added = (entry: T): void => {
    length += 1;
    bytes += entry.bytes;
  };
  const removed = (entry: T): void => {
    length -= 1;
    bytes -= entry.bytes;
  };
  const dropEmptyLine = (key: string): void => {
    if (lines.get(key)?.length !== 0) return;
    lines.delete(key);
    rotation = rotation.filter((other) => other !== key);
  };

  return Object.freeze({
    get length() {
      return length;
    },

    offer(entry: T): Offer {
      const line = lines.get(entry.fairnessKey);
      const inLine = line?.length ?? 0;
      const isTooHeavy = length > 0 && bytes + entry.bytes > bounds.maxQueuedBytes;
      if (length >= bounds.maxQueued || isTooHeavy) {
        return { accepted: false, full: 'queue', ahead: Math.max(1, length) };
      }
      if (inLine >= bounds.maxQueuedPerKey) {
        // Every other key may take a turn between two of this key's.
        const ahead = Math.max(1, Math.min(length, inLine * rotation.length));
        return { accepted: false, full: 'key', ahead };
      }
      if (line === undefined) {
        lines.set(entry.fairnessKey, [entry]);
        rotation.push(entry.fairnessKey);
      } else {
        line.push(entry);
      }
      added(entry);
      return { accepted: true };
    },

    putBack(entry: T): void {
      const line = lines.get(entry.fairnessKey);
      if (line === undefined) lines.set(entry.fairnessKey, [entry]);
      else line.unshift(entry);
      rotation = [entry.fairnessKey, ...rotation.filter((key) => key !== entry.fairnessKey)];
      added(entry);
    },

    take(isRunnable: (entry: T) => boolean): T | null {
      for (const key of rotation) {
        const line = lines.get(key);
        const head = line?.[0];
        if (line === undefined || head === undefined || !isRunnable(head)) continue;
        line.shift();
        removed(head);
        rotation = [...rotation.filter((other) => other !== key), key];
        dropEmptyLine(key);
        return head;
      }
      return null;
    },

    remove(entry: T): boolean {
      const line = lines.get(entry.fairnessKey);
      const at = line?.indexOf(entry) ?? -1;
      if (line === undefined || at < 0) return false;
      line.splice(at, 1);
      removed(entry);
      dropEmptyLine(entry.fairnessKey);
      return true;
    },

    drain(): T[] {
      const entries = [...lines.values()].flat();
      lines.clear();
      rotation = [];
      length = 0;
      bytes = 0;
      return entries;
    },
  });
}
