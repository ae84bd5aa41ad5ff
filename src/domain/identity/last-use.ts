import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { updateLastUse } from './api-key-store.js';

/** What was read of a key at one time: noted once, however many requests go by it. */
export interface UsedKey {
  readonly id: string;
  readonly tenantId: string;
}

/** Notes when keys are used, beside the requests: never in their way, never their failure. */
export interface LastUse {
  note(key: UsedKey): void;
  /** How often a note could not be written since the start. */
  failures(): number;
  /** Resolves when nothing is being written any more. */
  drain(): Promise<void>;
}

// Many keys can become stale in the same second; the database has better to do than all of them at once.
const MAX_PENDING = 16;

export function createLastUse(database: Transactions, clock: Clock): LastUse {
  const pending = new Map<string, Promise<void>>();
  const noted = new WeakSet<UsedKey>();
  let failures = 0;

  async function write(tenantId: string, apiKeyId: string): Promise<void> {
    try {
      await database.sql({ tenantId }, (query) => updateLastUse(query, tenantId, apiKeyId, clock.now()));
    } catch {
      // The key's time of last use is a convenience: whoever is being served must not notice.
      failures++;
    } finally {
      pending.delete(apiKeyId);
    }
  }

  return Object.freeze({
    note(key: UsedKey) {
      if (noted.has(key)) return;
      noted.add(key);
      // Skipped notes are not lost for long: whoever reads the key next finds it stale again.
      if (pending.has(key.id) || pending.size >= MAX_PENDING) return;
      pending.set(key.id, write(key.tenantId, key.id));
    },
    failures: () => failures,
    async drain() {
      while (pending.size > 0) await Promise.all(pending.values());
    },
  });
}
