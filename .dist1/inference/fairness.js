import { EntryList } from "./entry-list.js";
const QUANTUM_MS = 5;
const RESERVED_FROM = 0.75;
const RANKS = { HIGH: 0, NORMAL: 1, LOW: 2 };
function createFairQueue(bounds, scheduling = "fair") {
  const accounts = /* @__PURE__ */ new Map();
  const byGroup = /* @__PURE__ */ new Map();
  const places = /* @__PURE__ */ new Map();
  const tallies = /* @__PURE__ */ new Map();
  const returned = new EntryList();
  let arrivals = 0;
  let servings = 0;
  let bytes = 0;
  let workMs = 0;
  const accountKey = (fairnessKey) => scheduling === "fifo" ? "" : fairnessKey;
  const fullOf = (account) => QUANTUM_MS * account.weight;
  const accountOf = (fairnessKey, weight) => {
    const key = accountKey(fairnessKey);
    let account = accounts.get(key);
    if (account === void 0) {
      account = { key, weight, balanceMs: QUANTUM_MS * weight, servedAt: 0, streams: /* @__PURE__ */ new Map() };
      accounts.set(key, account);
    }
    account.weight = weight;
    account.balanceMs = Math.min(account.balanceMs, fullOf(account));
    return account;
  };
  const count = (entry) => {
    const { fairnessKey, weight } = entry;
    const tally = tallies.get(fairnessKey) ?? { queued: 0, bytes: 0, workMs: 0, weight };
    tally.queued += 1;
    tally.bytes += entry.bytes;
    tally.workMs += entry.workMs;
    tally.weight = weight;
    tallies.set(fairnessKey, tally);
    bytes += entry.bytes;
    workMs += entry.workMs;
  };
  const uncount = (entry) => {
    const tally = tallies.get(entry.fairnessKey);
    if (tally === void 0) return;
    tally.queued -= 1;
    tally.bytes -= entry.bytes;
    tally.workMs -= entry.workMs;
    if (tally.queued === 0) tallies.delete(entry.fairnessKey);
    bytes -= entry.bytes;
    workMs -= entry.workMs;
    if (tallies.size === 0) workMs = 0;
  };
  const detach = (entry) => {
    const place = places.get(entry);
    if (place === void 0) return false;
    places.delete(entry);
    uncount(entry);
    if (place.list === null) {
      returned.remove(place.node);
      return true;
    }
    place.list.remove(place.node);
    const account = accounts.get(accountKey(entry.fairnessKey));
    const stream = account?.streams.get(entry.group);
    if (account === void 0 || stream === void 0) return true;
    stream.length -= 1;
    if (stream.length > 0) return true;
    account.streams.delete(entry.group);
    const users = byGroup.get(entry.group);
    users?.delete(account);
    if (users?.size === 0) byGroup.delete(entry.group);
    return true;
  };
  const beginRounds = (account) => {
    if (account.balanceMs > 0) return;
    const rounds = Math.floor(-account.balanceMs / fullOf(account)) + 1;
    for (const other of accounts.values()) {
      other.balanceMs = Math.min(fullOf(other), other.balanceMs + rounds * fullOf(other));
      if (other.streams.size === 0 && other !== account && other.balanceMs >= fullOf(other)) {
        accounts.delete(other.key);
      }
    }
  };
  const crowdLimit = (isNewKey) => {
    const keys = tallies.size + (isNewKey ? 1 : 0);
    return keys < 2 ? Infinity : bounds.maxQueued / (keys + 1);
  };
  const aheadMs = (fairnessKey, weight) => {
    if (scheduling === "fifo") return workMs;
    const own = tallies.get(fairnessKey)?.workMs ?? 0;
    let ahead = own;
    for (const [key, other] of tallies) {
      if (key !== fairnessKey) ahead += Math.min(other.workMs, own * other.weight / weight);
    }
    return ahead;
  };
  return Object.freeze({
    get length() {
      return places.size;
    },
    offer(entry) {
      const tally = tallies.get(entry.fairnessKey);
      const inLine = tally?.queued ?? 0;
      const isCrowding = places.size >= RESERVED_FROM * bounds.maxQueued && inLine >= crowdLimit(tally === void 0);
      const isTooHeavy = places.size > 0 && bytes + entry.bytes > bounds.maxQueuedBytes;
      if (places.size >= bounds.maxQueued || isTooHeavy) {
        return { accepted: false, full: "queue", aheadMs: workMs };
      }
      const isKeyTooHeavy = tally !== void 0 && tally.bytes + entry.bytes > bounds.maxQueuedBytesPerKey;
      if (inLine >= bounds.maxQueuedPerKey || isKeyTooHeavy || isCrowding) {
        return { accepted: false, full: "key", aheadMs: aheadMs(entry.fairnessKey, entry.weight) };
      }
      const account = accountOf(entry.fairnessKey, entry.weight);
      let stream = account.streams.get(entry.group);
      if (stream === void 0) {
        stream = { lists: [new EntryList(), new EntryList(), new EntryList()], length: 0 };
        account.streams.set(entry.group, stream);
        const users = byGroup.get(entry.group);
        if (users === void 0) byGroup.set(entry.group, /* @__PURE__ */ new Set([account]));
        else users.add(account);
      }
      const list = stream.lists[RANKS[entry.priority]];
      places.set(entry, { node: list.push(entry, arrivals++), list });
      stream.length += 1;
      count(entry);
      return { accepted: true };
    },
    putBack(entry) {
      places.set(entry, { node: returned.push(entry, arrivals++), list: null });
      count(entry);
    },
    next(passes) {
      for (let node = returned.first; node !== null; node = node.next) {
        if (passes(node.entry)) return node.entry;
      }
      let best = null;
      let bestEntry = null;
      for (const account of accounts.values()) {
        if (account.streams.size === 0 || best !== null && !isBefore(account, best)) continue;
        const entry = firstOf(account, passes);
        if (entry === null) continue;
        best = account;
        bestEntry = entry;
      }
      return bestEntry;
    },
    take(entry, costMs) {
      if (!detach(entry)) throw new Error("An entry was taken that is not in the queue.");
      const account = accountOf(entry.fairnessKey, entry.weight);
      beginRounds(account);
      account.balanceMs -= costMs;
      account.servedAt = ++servings;
    },
    join(entry, costMs) {
      if (!detach(entry)) throw new Error("An entry was joined that is not in the queue.");
      accountOf(entry.fairnessKey, entry.weight).balanceMs -= costMs;
    },
    nextOf(group, passes) {
      for (let node = returned.first; node !== null; node = node.next) {
        if (node.entry.group === group && passes(node.entry)) return node.entry;
      }
      let best = null;
      let bestEntry = null;
      for (const account of byGroup.get(group) ?? []) {
        if (best !== null && !isBefore(account, best)) continue;
        const stream = account.streams.get(group);
        const node = stream === void 0 ? null : headOf(stream);
        if (node === null || !passes(node.entry)) continue;
        best = account;
        bestEntry = node.entry;
      }
      return bestEntry;
    },
    charge(fairnessKey, ms) {
      const account = accounts.get(accountKey(fairnessKey));
      if (account !== void 0) account.balanceMs = Math.min(fullOf(account), account.balanceMs - ms);
    },
    remove: detach,
    aheadMs,
    entries: () => places.keys(),
    keys: () => [...tallies].map(([fairnessKey, tally]) => ({
      fairnessKey,
      queued: tally.queued,
      bytes: tally.bytes
    }))
  });
}
function isBefore(account, best) {
  const difference = account.balanceMs / account.weight - best.balanceMs / best.weight;
  return difference > 0 || difference === 0 && account.servedAt < best.servedAt;
}
function headOf(stream) {
  const [high, normal, low] = stream.lists;
  return high.first ?? normal.first ?? low.first;
}
function firstOf(account, passes) {
  let best = null;
  for (const stream of account.streams.values()) {
    const node = headOf(stream);
    if (node === null) continue;
    if (best !== null) {
      const byRank = RANKS[node.entry.priority] - RANKS[best.entry.priority];
      if (byRank > 0 || byRank === 0 && node.arrival > best.arrival) continue;
    }
    if (passes(node.entry)) best = node;
  }
  return best?.entry ?? null;
}
export {
  QUANTUM_MS,
  createFairQueue
};
//# sourceMappingURL=fairness.js.map
