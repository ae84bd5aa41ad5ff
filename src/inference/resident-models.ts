/** The models in one worker's memory, as the worker announces them. */
import type { ResidentModel } from './messages.js';
import { versionKeyOf } from './version-key.js';

export class ResidentModels {
  readonly #onEvicted: (models: number) => void;
  #models: readonly ResidentModel[] = [];
  #bytes = 0;
  /** When each was used last, or was loaded; by version key. */
  readonly #usedAtMs = new Map<string, number>();
  /** Digests that are being unloaded by request: not evictions. */
  readonly #unloading = new Set<string>();

  /** @param onEvicted models left to make room for another */
  constructor(onEvicted: (models: number) => void) {
    this.#onEvicted = onEvicted;
  }

  get models(): readonly ResidentModel[] {
    return this.#models;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(version: string): boolean {
    return this.#usedAtMs.has(version);
  }

  usedAtMs(version: string): number | null {
    return this.#usedAtMs.get(version) ?? null;
  }

  markUsed(version: string, nowMs: number): void {
    if (this.#usedAtMs.has(version)) this.#usedAtMs.set(version, nowMs);
  }

  announce(models: readonly ResidentModel[], nowMs: number): void {
    const keys = new Set(models.map(versionKeyOf));
    const gone = this.#models.filter((model) => !keys.has(versionKeyOf(model)));
    const evicted = gone.filter(({ digest }) => !this.#unloading.has(digest)).length;
    for (const model of gone) this.#usedAtMs.delete(versionKeyOf(model));
    for (const key of keys) if (!this.#usedAtMs.has(key)) this.#usedAtMs.set(key, nowMs);
    this.#models = models;
    this.#bytes = models.reduce((sum, { bytes }) => sum + bytes, 0);
    if (evicted > 0) this.#onEvicted(evicted);
  }

  /** The worker is gone, and its memory with it. */
  clear(): void {
    this.#models = [];
    this.#bytes = 0;
    this.#usedAtMs.clear();
  }

  /** Runs `unload`; what leaves meanwhile under this digest was asked to. */
  async unloading(digest: string, unload: () => Promise<unknown>): Promise<void> {
    this.#unloading.add(digest);
    await unload();
    this.#unloading.delete(digest);
  }
}
