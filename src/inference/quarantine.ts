/**
 * Sets aside a model that takes workers down with it. Only crashes count, never a missed deadline: callers
 * choose their deadlines, and must not be able to shut a model for others.
 */
export interface QuarantineRule {
  readonly crashes: number;
  readonly windowMs: number;
  readonly quarantineMs: number;
}

export interface Quarantined {
  readonly crashes: number;
  readonly untilMs: number;
  readonly reason: string;
}

export interface Quarantine {
  /** Notes that a worker crashed with the model in flight. */
  recordCrash(digest: string, reason: string, nowMs: number): void;
  /** Why the model may not run now, or `null`. Forgets what has expired. */
  find(digest: string, nowMs: number): Quarantined | null;
  /** Models set aside now. */
  list(nowMs: number): readonly (Quarantined & { readonly digest: string })[];
  count(nowMs: number): number;
}

interface CrashRecord {
  crashesAtMs: number[];
  reason: string;
  untilMs: number | null;
}

export function createQuarantine(rule: QuarantineRule): Quarantine {
  const records = new Map<string, CrashRecord>();

  const forgetExpired = (nowMs: number): void => {
    for (const [digest, record] of records) {
      if (record.untilMs !== null && record.untilMs <= nowMs) records.delete(digest);
      else if (record.untilMs === null) {
        record.crashesAtMs = record.crashesAtMs.filter((atMs) => atMs > nowMs - rule.windowMs);
        if (record.crashesAtMs.length === 0) records.delete(digest);
      }
    }
  };

  return Object.freeze({
    recordCrash(digest: string, reason: string, nowMs: number): void {
      forgetExpired(nowMs);
      const record = records.get(digest) ?? { crashesAtMs: [], reason, untilMs: null };
      record.crashesAtMs.push(nowMs);
      record.reason = reason;
      if (record.crashesAtMs.length >= rule.crashes) record.untilMs = nowMs + rule.quarantineMs;
      records.set(digest, record);
    },

    find(digest: string, nowMs: number): Quarantined | null {
      forgetExpired(nowMs);
      const record = records.get(digest);
      if (record === undefined || record.untilMs === null) return null;
      return { crashes: record.crashesAtMs.length, untilMs: record.untilMs, reason: record.reason };
    },

    list(nowMs: number) {
      forgetExpired(nowMs);
      return [...records].flatMap(([digest, { crashesAtMs, reason, untilMs }]) =>
        untilMs === null ? [] : [{ digest, crashes: crashesAtMs.length, reason, untilMs }],
      );
    },

    count(nowMs: number): number {
      forgetExpired(nowMs);
      return [...records.values()].filter((record) => record.untilMs !== null).length;
    },
  });
}
