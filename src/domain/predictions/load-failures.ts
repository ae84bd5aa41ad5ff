/** Tells the operator once of a version that cannot be loaded, however many callers it is refused. */
import { LRUCache } from 'lru-cache';
import type { Logger } from '../../lib/logger.js';
import type { RunnableVersion } from './prediction.js';

export interface LoadFailures {
  /** @param reason the cause in full, as the pool says it */
  note(version: RunnableVersion, reason: string): void;
}

const MAX_REMEMBERED = 1_000;
/** A failure that lasts is told of again after this. */
const AGAIN_AFTER_MS = 3_600_000;

export function createLoadFailures(log: Pick<Logger, 'error'>): LoadFailures {
  const told = new LRUCache<string, string>({ max: MAX_REMEMBERED, ttl: AGAIN_AFTER_MS });
  return Object.freeze({
    note({ id, modelName, number, artifact }: RunnableVersion, reason: string) {
      if (told.get(id) === reason) return;
      told.set(id, reason);
      const { digest, runtime } = artifact;
      log.error(
        { versionId: id, version: `${modelName}:${number}`, digest, runtime, reason },
        'a version cannot be loaded',
      );
    },
  });
}
