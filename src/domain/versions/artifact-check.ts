/** Whether stored bytes still are what their digest says, asked before they are given out. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { ArtifactStore } from '../../storage/index.js';
import { artifactDamaged, type ArtifactDamaged } from './errors.js';
import type { Version } from './version.js';

export interface ArtifactCheck {
  /**
   * Reads the whole artifact of the version and compares it with its digest.
   * @throws when the bytes are missing: a fault of ours
   */
  check(version: Pick<Version, 'id' | 'digest' | 'bytes'>): Promise<Result<null, ArtifactDamaged>>;
}

/** A download in many ranges reads the whole once for all that come in this time. */
const SOUND_FOR_MS = 60_000;
const MAX_REMEMBERED = 1_000;

export function createArtifactCheck(deps: {
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'error'>;
}): ArtifactCheck {
  const { artifacts, clock, log } = deps;
  const soundUntilMs = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  // Told of once, until they are whole again.
  const damaged = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  const reading = new Map<string, Promise<string | null>>();

  /** What the bytes hash to; shared by all who ask meanwhile. */
  function hashOf(digest: string): Promise<string | null> {
    const running = reading.get(digest);
    if (running !== undefined) return running;
    const begun = artifacts.rehash(digest).finally(() => reading.delete(digest));
    reading.set(digest, begun);
    return begun;
  }

  return Object.freeze({
    async check({ id, digest, bytes }: Pick<Version, 'id' | 'digest' | 'bytes'>) {
      if (clock.monotonicMs() < (soundUntilMs.get(digest) ?? -Infinity)) return ok(null);
      const found = await hashOf(digest);
      if (found === null) throw new Error(`The artifact of ${id} is missing from the store.`);
      if (found === digest) {
        soundUntilMs.set(digest, clock.monotonicMs() + SOUND_FOR_MS);
        damaged.delete(digest);
        return ok(null);
      }
      if (!damaged.has(digest)) {
        damaged.set(digest, true);
        log.error({ versionId: id, digest, found, bytes }, 'an artifact is damaged and is not given out');
      }
      return refuse(artifactDamaged(digest, found));
    },
  });
}
