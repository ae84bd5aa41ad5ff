/**
 * A bounded queue that shares compute time fairly between opaque keys: deficit round-robin by weight.
 *
 * Each key has an account in milliseconds of compute. What a key takes is drawn from its account, by estimate when
 * it is taken and corrected when it has been measured; whose account, divided by its weight, stands highest is next.
 * When nobody who can run has anything left, a round begins: every account is filled by one quantum times its
 * weight, never above that. A key that was idle therefore finds one quantum, not the sum of its absence, and a key
 * that took more than its share (a long run, a full batch) pays it back before its next turn.
 *
 * Inside a key: priority, then order of arrival. Entries that wait for something else (a model that is being loaded)
 * are passed over, not waited for. Pure data: no timers, no promises.
 */
import type { Priority } from './types.js';
import { EntryList, type ListNode } from './entry-list.js';

export interface FairEntry {
  readonly fairnessKey: string;
  readonly weight: number;
  readonly priority: Priority;
  /** Entries of one group may share a run; whether one can run now is the same for all of them. */
  readonly group: string;
  /** Memory that the entry holds while it waits. */
  readonly bytes: number;
  /** Compute time that it will probably take. */
  readonly workMs: number;
  /** Where it waits; the queue alone writes it. */
  place?: QueuePlace | null;
}

/**
 * Kept in the entry and not in a map from entries: V8's maps leave a table behind for every few entries that come and go,
 * each table pointing to the next, so that one dead table in the old generation keeps all later ones, and all requests in
 * them, from being collected young.
 */
export interface QueuePlace {
  readonly node: ListNode<FairEntry>;
  readonly list: EntryList<FairEntry>;
}

export interface QueueBounds {
  readonly maxQueued: number;
  readonly maxQueuedPerKey: number;
  /** An entry that is larger than this still fits an empty queue. */
  readonly maxQueuedBytes: number;
  /** The same for each key. */
  readonly maxQueuedBytesPerKey: number;
}

/** `fair`, or `fifo`: one line in the order of arrival, as most servers have it. */
export type Scheduling = 'fair' | 'fifo';

export type Offer =
  | { readonly accepted: true }
  /** `aheadMs`: compute time that goes before an entry of this key when there is room again. */
  | { readonly accepted: false; readonly full: 'queue' | 'key'; readonly aheadMs: number };

export interface KeySummary {
  readonly fairnessKey: string;
  readonly queued: number;
  readonly bytes: number;
}

export interface FairQueue<T extends FairEntry> {
  readonly length: number;
  /** Adds at the end of its key's line, or says which bound it would break. */
  offer(entry: T): Offer;
  /** What `offer` would say to an entry of this key that holds no memory: refused now, it is refused whatever it holds. */
  foresee(fairnessKey: string): Offer;
  /** False while `foresee` accepts every key, which is cheaper to ask. */
  readonly mayRefuse: boolean;
  /** Puts an entry that was taken back before all others. Ignores the bounds. */
  putBack(entry: T): void;
  /** Who is next among the entries that pass; it stays in the queue. Asks once per key and group. */
  next(passes: (entry: T) => boolean): T | null;
  /** Takes the entry that is next, and draws `costMs` from its key's account; begins a round when it must. */
  take(entry: T, costMs: number): void;
  /** Takes an entry out of turn, to share a run that another began; its key pays all the same. */
  join(entry: T, costMs: number): void;
  /** Who of the group is next, among entries that pass; asks for the first of each key only. */
  nextOf(group: string, passes: (entry: T) => boolean): T | null;
  /** How many of the entry's own line and group wait. */
  waitingBeside(entry: T): number;
  /** Draws more from a key's account, or gives back. */
  charge(fairnessKey: string, ms: number): void;
  /** False when the entry is not queued. */
  remove(entry: T): boolean;
  /** Compute time that goes before a new entry of this key. */
  aheadMs(fairnessKey: string, weight: number): number;
  /** In no particular order. The queue may not change meanwhile. */
  entries(): IterableIterator<T>;
  keys(): KeySummary[];
}

/** What each account gets per round and unit of weight. Shorter: nearer to ideal sharing. */
export const QUANTUM_MS = 5;
/** From this share of `maxQueued` on, a key may not have more than its part, so that others find room. */
const RESERVED_FROM = 0.75;
const RANKS: Readonly<Record<Priority, 0 | 1 | 2>> = { HIGH: 0, NORMAL: 1, LOW: 2 };

interface Tally {
  queued: number;
  bytes: number;
  workMs: number;
  weight: number;
}

/** Of one key and group: a list per priority. */
interface Stream<T> {
  readonly lists: readonly [EntryList<T>, EntryList<T>, EntryList<T>];
  length: number;
}

interface Account<T> {
  readonly key: string;
  weight: number;
  balanceMs: number;
  /** When it was last served, for equal balances. */
  servedAt: number;
  readonly streams: Map<string, Stream<T>>;
}

export function createFairQueue<T extends FairEntry>(
  bounds: QueueBounds,
  scheduling: Scheduling = 'fair',
): FairQueue<T> {
  const accounts = new Map<string, Account<T>>();
  /** Accounts that have entries of a group. */
  const byGroup = new Map<string, Set<Account<T>>>();
  const tallies = new Map<string, Tally>();
  /** Put back after a lost worker: before all others. */
  const returned = new EntryList<T>();
  let length = 0;
  let arrivals = 0;
  let servings = 0;
  let bytes = 0;
  let workMs = 0;

  const accountKey = (fairnessKey: string): string => (scheduling === 'fifo' ? '' : fairnessKey);
  const fullOf = (account: Account<T>): number => QUANTUM_MS * account.weight;

  const accountOf = (fairnessKey: string, weight: number): Account<T> => {
    const key = accountKey(fairnessKey);
    let account = accounts.get(key);
    if (account === undefined) {
      account = { key, weight, balanceMs: QUANTUM_MS * weight, servedAt: 0, streams: new Map() };
      accounts.set(key, account);
    }
    account.weight = weight;
    account.balanceMs = Math.min(account.balanceMs, fullOf(account));
    return account;
  };

  const count = (entry: T): void => {
    const { fairnessKey, weight } = entry;
    const tally = tallies.get(fairnessKey) ?? { queued: 0, bytes: 0, workMs: 0, weight };
    tally.queued += 1;
    tally.bytes += entry.bytes;
    tally.workMs += entry.workMs;
    tally.weight = weight;
    tallies.set(fairnessKey, tally);
    length += 1;
    bytes += entry.bytes;
    workMs += entry.workMs;
  };

  const uncount = (entry: T): void => {
    const tally = tallies.get(entry.fairnessKey);
    if (tally === undefined) return;
    tally.queued -= 1;
    tally.bytes -= entry.bytes;
    tally.workMs -= entry.workMs;
    if (tally.queued === 0) tallies.delete(entry.fairnessKey);
    length -= 1;
    bytes -= entry.bytes;
    workMs -= entry.workMs;
    // Sums of fractions drift; an empty queue has no work.
    if (tallies.size === 0) workMs = 0;
  };

  const detach = (entry: T): boolean => {
    const { place } = entry;
    if (place === undefined || place === null) return false;
    entry.place = null;
    uncount(entry);
    place.list.remove(place.node);
    if (place.list === returned) return true;
    const account = accounts.get(accountKey(entry.fairnessKey));
    const stream = account?.streams.get(entry.group);
    if (account === undefined || stream === undefined) return true;
    stream.length -= 1;
    if (stream.length > 0) return true;
    account.streams.delete(entry.group);
    const users = byGroup.get(entry.group);
    users?.delete(account);
    if (users?.size === 0) byGroup.delete(entry.group);
    return true;
  };

  /** Fills every account until this one has something left. Idle accounts that are full need not be remembered. */
  const beginRounds = (account: Account<T>): void => {
    if (account.balanceMs > 0) return;
    const rounds = Math.floor(-account.balanceMs / fullOf(account)) + 1;
    for (const other of accounts.values()) {
      other.balanceMs = Math.min(fullOf(other), other.balanceMs + rounds * fullOf(other));
      if (other.streams.size === 0 && other !== account && other.balanceMs >= fullOf(other)) {
        accounts.delete(other.key);
      }
    }
  };

  const crowdLimit = (isNewKey: boolean): number => {
    const keys = tallies.size + (isNewKey ? 1 : 0);
    return keys < 2 ? Infinity : bounds.maxQueued / (keys + 1);
  };

  const aheadMs = (fairnessKey: string, weight: number): number => {
    if (scheduling === 'fifo') return workMs;
    const own = tallies.get(fairnessKey)?.workMs ?? 0;
    let ahead = own;
    // While this key takes `own`, another takes at most its share of as much, and at most what it has.
    for (const [key, other] of tallies) {
      if (key !== fairnessKey) ahead += Math.min(other.workMs, (own * other.weight) / weight);
    }
    return ahead;
  };

  const offerOf = (fairnessKey: string, weight: number, newBytes: number): Offer => {
    const tally = tallies.get(fairnessKey);
    const inLine = tally?.queued ?? 0;
    const isCrowding =
      length >= RESERVED_FROM * bounds.maxQueued && inLine >= crowdLimit(tally === undefined);
    const isTooHeavy = length > 0 && bytes + newBytes > bounds.maxQueuedBytes;
    if (length >= bounds.maxQueued || isTooHeavy) {
      return { accepted: false, full: 'queue', aheadMs: workMs };
    }
    const isKeyTooHeavy = tally !== undefined && tally.bytes + newBytes > bounds.maxQueuedBytesPerKey;
    if (inLine >= bounds.maxQueuedPerKey || isKeyTooHeavy || isCrowding) {
      return { accepted: false, full: 'key', aheadMs: aheadMs(fairnessKey, weight) };
    }
    return { accepted: true };
  };

  function* entries(): IterableIterator<T> {
    yield* returned.entries();
    for (const { streams } of accounts.values()) {
      for (const { lists } of streams.values()) for (const list of lists) yield* list.entries();
    }
  }

  return Object.freeze({
    get length() {
      return length;
    },

    offer(entry: T): Offer {
      const offer = offerOf(entry.fairnessKey, entry.weight, entry.bytes);
      if (!offer.accepted) return offer;
      const account = accountOf(entry.fairnessKey, entry.weight);
      let stream = account.streams.get(entry.group);
      if (stream === undefined) {
        stream = { lists: [new EntryList(), new EntryList(), new EntryList()], length: 0 };
        account.streams.set(entry.group, stream);
        const users = byGroup.get(entry.group);
        if (users === undefined) byGroup.set(entry.group, new Set([account]));
        else users.add(account);
      }
      const list = stream.lists[RANKS[entry.priority]];
      entry.place = { node: list.push(entry, arrivals++), list };
      stream.length += 1;
      count(entry);
      return offer;
    },

    get mayRefuse() {
      const { maxQueued, maxQueuedPerKey, maxQueuedBytes, maxQueuedBytesPerKey } = bounds;
      if (length >= Math.min(maxQueuedPerKey, RESERVED_FROM * maxQueued)) return true;
      return bytes > Math.min(maxQueuedBytes, maxQueuedBytesPerKey);
    },

    foresee: (fairnessKey: string) => offerOf(fairnessKey, tallies.get(fairnessKey)?.weight ?? 1, 0),

    putBack(entry: T): void {
      entry.place = { node: returned.push(entry, arrivals++), list: returned };
      count(entry);
    },

    next(passes: (entry: T) => boolean): T | null {
      for (let node = returned.first; node !== null; node = node.next) {
        if (passes(node.entry)) return node.entry;
      }
      let best: Account<T> | null = null;
      let bestEntry: T | null = null;
      for (const account of accounts.values()) {
        if (account.streams.size === 0 || (best !== null && !isBefore(account, best))) continue;
        const entry = firstOf(account, passes);
        if (entry === null) continue;
        best = account;
        bestEntry = entry;
      }
      return bestEntry;
    },

    take(entry: T, costMs: number): void {
      if (!detach(entry)) throw new Error('An entry was taken that is not in the queue.');
      const account = accountOf(entry.fairnessKey, entry.weight);
      beginRounds(account);
      account.balanceMs -= costMs;
      account.servedAt = ++servings;
    },

    join(entry: T, costMs: number): void {
      if (!detach(entry)) throw new Error('An entry was joined that is not in the queue.');
      accountOf(entry.fairnessKey, entry.weight).balanceMs -= costMs;
    },

    nextOf(group: string, passes: (entry: T) => boolean): T | null {
      for (let node = returned.first; node !== null; node = node.next) {
        if (node.entry.group === group && passes(node.entry)) return node.entry;
      }
      let best: Account<T> | null = null;
      let bestEntry: T | null = null;
      for (const account of byGroup.get(group) ?? []) {
        if (best !== null && !isBefore(account, best)) continue;
        const stream = account.streams.get(group);
        const node = stream === undefined ? null : headOf(stream);
        if (node === null || !passes(node.entry)) continue;
        best = account;
        bestEntry = node.entry;
      }
      return bestEntry;
    },

    waitingBeside: ({ fairnessKey, group }: T) =>
      accounts.get(accountKey(fairnessKey))?.streams.get(group)?.length ?? 0,

    charge(fairnessKey: string, ms: number): void {
      const account = accounts.get(accountKey(fairnessKey));
      if (account !== undefined) account.balanceMs = Math.min(fullOf(account), account.balanceMs - ms);
    },

    remove: detach,
    aheadMs,
    entries,

    keys: () =>
      [...tallies].map(([fairnessKey, tally]) => ({
        fairnessKey,
        queued: tally.queued,
        bytes: tally.bytes,
      })),
  });
}

function isBefore<T>(account: Account<T>, best: Account<T>): boolean {
  const difference = account.balanceMs / account.weight - best.balanceMs / best.weight;
  return difference > 0 || (difference === 0 && account.servedAt < best.servedAt);
}

function headOf<T>(stream: Stream<T>): ListNode<T> | null {
  const [high, normal, low] = stream.lists;
  return high.first ?? normal.first ?? low.first;
}

/** By priority, then arrival, over the groups whose first entry passes. */
function firstOf<T extends FairEntry>(account: Account<T>, passes: (entry: T) => boolean): T | null {
  let best: ListNode<T> | null = null;
  for (const stream of account.streams.values()) {
    const node = headOf(stream);
    if (node === null) continue;
    if (best !== null) {
      const byRank = RANKS[node.entry.priority] - RANKS[best.entry.priority];
      if (byRank > 0 || (byRank === 0 && node.arrival > best.arrival)) continue;
    }
    if (passes(node.entry)) best = node;
  }
  return best?.entry ?? null;
}
