import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { admitGcra, refundGcra, type GcraRate } from '../../lib/gcra.js';
import type { Clock } from '../../lib/clock.js';

export interface AttemptLimits {
  /** For one sign-in address, from wherever the attempts come. */
  readonly perEmail: GcraRate;
  /** For one client address, whomever it tries. */
  readonly perAddress: GcraRate;
}

/** Ten guesses at an account, then two a minute; a hundred from one place, then two a second. */
export const ATTEMPT_LIMITS: AttemptLimits = Object.freeze({
  perEmail: { burst: 10, intervalMs: 30_000 },
  perAddress: { burst: 100, intervalMs: 500 },
});

export interface AttemptLimiter {
  /** 0 when the attempt is admitted, and then counted; else in how many milliseconds it would be. */
  admit(attempt: Attempt): number;
  /** Takes a successful attempt off the count: only failures use it up. */
  forgive(attempt: Attempt): void;
}

export interface Attempt {
  readonly email?: string;
  readonly clientAddress: string | null;
}

// About 100 bytes each. Somebody with more addresses than this is beyond what one process can count.
const MAX_ENTRIES = 50_000;

/** Counts attempts in this process: each replica has its own count. */
export function createAttemptLimiter(clock: Clock, limits: AttemptLimits = ATTEMPT_LIMITS): AttemptLimiter {
  // Apart, so that a flood of invented e-mail addresses cannot push out what is known of client addresses.
  const emails = new LRUCache<string, number>({ max: MAX_ENTRIES });
  const addresses = new LRUCache<string, number>({ max: MAX_ENTRIES });

  function entriesOf({ email, clientAddress }: Attempt) {
    const address = { states: addresses, key: networkOf(clientAddress), rate: limits.perAddress };
    return email === undefined ? [address] : [address, { states: emails, key: email, rate: limits.perEmail }];
  }

  return Object.freeze({
    admit(attempt: Attempt) {
      const nowMs = clock.monotonicMs();
      const decisions = entriesOf(attempt).map((entry) => ({
        ...entry,
        decision: admitGcra(entry.states.get(entry.key) ?? null, entry.rate, nowMs),
      }));
      const retryAfterMs = Math.max(...decisions.map(({ decision }) => decision.retryAfterMs));
      // Counted only when all agree: else one exhausted limit would eat up the other.
      if (retryAfterMs > 0) return retryAfterMs;
      for (const { states, key, decision } of decisions) states.set(key, decision.tatMs);
      return 0;
    },
    forgive(attempt: Attempt) {
      for (const { states, key, rate } of entriesOf(attempt)) {
        const tatMs = states.get(key);
        if (tatMs !== undefined) states.set(key, refundGcra(tatMs, rate));
      }
    },
  });
}

/** What counts as one place: an IPv4 address, or the /64 of an IPv6 address, which any one customer owns whole. */
export function networkOf(clientAddress: string | null): string {
  if (clientAddress === null) return 'unknown';
  const address = clientAddress.split('%')[0] as string;
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(gap).fill('0'), ...right];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
