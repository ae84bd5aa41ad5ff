/**
 * Facts that are read on every request and change seldom. A fact is used again only while all of this holds: nothing
 * that it may depend on has changed since its reading *began*, that beginning is not too long ago, and its own time is not up.
 * So whoever asks after a change was announced never gets what was true before it. A fact that is asked for late in its
 * time is read again meanwhile, so that what is in steady use never waits for the database once a period.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.js';

export interface FreshCache<V extends object> {
  /**
   * What is remembered and still good, at once; else a promise of what `read` finds. Callers who ask for the same at once
   * share one reading. `null` is not remembered.
   * @throws the promise rejects with what `read` does, for all who share it
   */
  get(key: string, read: () => Promise<V | null>): V | Promise<V | null>;
}

/** From this part of its age on, a fact that is asked for is read again, while the rest is left for the reading. */
const RENEW_FROM = 2 / 3;

export interface FreshCacheOptions<V> {
  /** Facts that are remembered; the one that was used longest ago is forgotten first. */
  readonly maxEntries: number;
  /** How long a fact is used, counted from the beginning of its reading: for changes that nobody announces. */
  readonly maxAgeMs: number;
  /** A number that moves with each change, before whoever made the change is told that it is made. */
  readonly epoch: () => number;
  readonly clock: Clock;
  /** When the fact ends by itself; `null`: never. Asked at every use. */
  readonly endsAt: (value: V) => Date | null;
}

interface Entry<V> {
  readonly value: V;
  readonly epoch: number;
  readonly begunAtMs: number;
}

interface Reading<V> {
  readonly found: Promise<V | null>;
  readonly epoch: number;
  readonly begunAtMs: number;
}

export function createFreshCache<V extends object>(options: FreshCacheOptions<V>): FreshCache<V> {
  const { maxAgeMs, epoch, clock, endsAt } = options;
  const entries = new LRUCache<string, Entry<V>>({ max: options.maxEntries });
  // Bounded by the requests that are under way.
  const readings = new Map<string, Reading<V>>();

  function isFresh({ epoch: ofThen, begunAtMs }: Omit<Entry<V>, 'value'>): boolean {
    return ofThen === epoch() && clock.monotonicMs() - begunAtMs < maxAgeMs;
  }

  function isGood(entry: Entry<V>): boolean {
    if (!isFresh(entry)) return false;
    const end = endsAt(entry.value);
    return end === null || end > clock.now();
  }

  function begin(key: string, read: () => Promise<V | null>): Promise<V | null> {
    const since = { epoch: epoch(), begunAtMs: clock.monotonicMs() };
    const finish = async (): Promise<V | null> => {
      try {
        const value = await read();
        if (value === null) entries.delete(key);
        // What has changed meanwhile may have been read before the change.
        else if (isFresh(since)) entries.set(key, { value, ...since });
        return value;
      } finally {
        if (readings.get(key) === reading) readings.delete(key);
      }
    };
    const reading: Reading<V> = { ...since, found: Promise.resolve().then(finish) };
    readings.set(key, reading);
    return reading.found;
  }

  /** The reading that is under way, as far as it may still be joined, or a new one. */
  function readingOf(key: string, read: () => Promise<V | null>): Promise<V | null> {
    const reading = readings.get(key);
    return reading !== undefined && isFresh(reading) ? reading.found : begin(key, read);
  }

  return Object.freeze({
    get(key: string, read: () => Promise<V | null>) {
      const entry = entries.get(key);
      if (entry === undefined || !isGood(entry)) return readingOf(key, read);
      if (clock.monotonicMs() - entry.begunAtMs >= maxAgeMs * RENEW_FROM) {
        // Should it fail, the fact is good until its age is up, and whoever asks then hears why.
        readingOf(key, read).catch(() => undefined);
      }
      return entry.value;
    },
  });
}
