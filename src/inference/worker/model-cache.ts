/**
 * The models in this worker's memory: least recently used first out, by measured bytes, under a budget.
 * A worker serves its messages one by one, so two loads of one model cannot overlap: single flight needs
 * no machinery here.
 */
import { ok, refuse, type Result } from '../../lib/result.js';
import { decodePack, expectedMemoryBytes } from '../pack.js';
import type { ResidentModel, WireRefusal } from '../messages.js';
import type { RunnableArtifact } from '../types.js';
import { flattenError } from './flatten-error.js';
import { isFatalEngineError, type LoadedModel } from './runtimes/index.js';

export interface ModelCacheDeps {
  readonly budgetBytes: number;
  readonly read: (artifact: RunnableArtifact) => Promise<Result<Uint8Array, WireRefusal>>;
  /** Throws what the engine throws. */
  readonly load: (artifact: RunnableArtifact, pack: Uint8Array) => Promise<LoadedModel>;
  readonly onChange: (residents: readonly ResidentModel[]) => void;
}

export interface ModelCache {
  /** The model if it is resident, and it counts as used; no load. */
  find(artifact: RunnableArtifact): LoadedModel | null;
  /**
   * Reads, checks and loads, evicting others to make room.
   * @throws what leaves the engine damaged (`isFatalEngineError`)
   */
  load(artifact: RunnableArtifact): Promise<Result<LoadedModel, WireRefusal>>;
  evict(digest: string): void;
  clear(): void;
}

/** The same pack on two engines is two models: weights live on their engine's backend. */
function keyOf(artifact: Pick<RunnableArtifact, 'runtime' | 'digest'>): string {
  return `${artifact.runtime}:${artifact.digest}`;
}

export function createModelCache(deps: ModelCacheDeps): ModelCache {
  // A Map keeps insertion order: the first entry is the least recently used.
  const models = new Map<string, { readonly resident: ResidentModel; readonly model: LoadedModel }>();

  const residentBytes = (): number => {
    let bytes = 0;
    for (const { resident } of models.values()) bytes += resident.bytes;
    return bytes;
  };

  const drop = (key: string): void => {
    const entry = models.get(key);
    if (entry === undefined) return;
    models.delete(key);
    entry.model.dispose();
  };

  const makeRoomFor = (bytes: number): void => {
    for (const key of models.keys()) {
      if (residentBytes() + bytes <= deps.budgetBytes) return;
      drop(key);
    }
  };

  const announce = (): void => {
    deps.onChange([...models.values()].map(({ resident }) => resident));
  };

  return Object.freeze({
    find(artifact: RunnableArtifact): LoadedModel | null {
      const key = keyOf(artifact);
      const entry = models.get(key);
      if (entry === undefined) return null;
      models.delete(key);
      models.set(key, entry);
      return entry.model;
    },

    async load(artifact: RunnableArtifact): Promise<Result<LoadedModel, WireRefusal>> {
      const pack = await deps.read(artifact);
      if (!pack.ok) return pack;
      const expected = expectedBytes(pack.value);
      if (expected > deps.budgetBytes) return refuse(tooLarge(expected, deps.budgetBytes));
      // Before loading, by estimate, so that both need not fit; after it, by measure.
      makeRoomFor(expected);
      let model: LoadedModel;
      try {
        model = await deps.load(artifact, pack.value);
      } catch (error) {
        announce();
        if (isFatalEngineError(error)) throw error;
        return refuse({ code: 'LOAD_FAILED', message: `The model cannot be loaded: ${flattenError(error)}` });
      }
      if (model.bytes > deps.budgetBytes) {
        model.dispose();
        announce();
        return refuse(tooLarge(model.bytes, deps.budgetBytes));
      }
      makeRoomFor(model.bytes);
      const { digest, runtime } = artifact;
      models.set(keyOf(artifact), { resident: { digest, runtime, bytes: model.bytes }, model });
      announce();
      return ok(model);
    },

    evict(digest: string): void {
      const keys = [...models].filter(([, { resident }]) => resident.digest === digest).map(([key]) => key);
      for (const key of keys) drop(key);
      if (keys.length > 0) announce();
    },

    clear(): void {
      for (const key of [...models.keys()]) drop(key);
      announce();
    },
  });
}

function tooLarge(bytes: number, budgetBytes: number): WireRefusal {
  return {
    code: 'LOAD_FAILED',
    message: `The model needs ${bytes} bytes of memory; a worker may hold ${budgetBytes}.`,
  };
}

/** 0 when the pack cannot be read: the engine says why. */
function expectedBytes(pack: Uint8Array): number {
  const decoded = decodePack(pack);
  return decoded.ok ? expectedMemoryBytes(decoded.value.header) : 0;
}
