import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResidentModel } from '../../../src/inference/messages.js';
import { encodePackHeader } from '../../../src/inference/pack.js';
import type { RunnableArtifact } from '../../../src/inference/types.js';
import { createModelCache } from '../../../src/inference/worker/model-cache.js';
import { ok } from '../../../src/lib/result.js';

const BUDGET = 100;

function artifactOf(name: string): RunnableArtifact {
  return { digest: name, path: name, runtime: 'tfjs-wasm', batchable: true };
}

/** A cache over models whose estimated and measured sizes are given; counts what is loaded and disposed. */
function cacheOf(sizes: Readonly<Record<string, { readonly estimate: number; readonly measured: number }>>) {
  const live = new Map<string, number>();
  let loads = 0;
  let peakBytes = 0;
  let residents: readonly ResidentModel[] = [];
  const cache = createModelCache({
    budgetBytes: BUDGET,
    read: (artifact) =>
      Promise.resolve(
        ok(
          encodePackHeader({
            kind: 'tfjs-graph',
            modelTopology: null,
            weightSpecs: [{ name: 'w', shape: [sizes[artifact.digest]?.estimate ?? 0], dtype: 'bool' }],
            signature: { inputs: [], outputs: [] },
            inputNodes: [],
            outputNodes: [],
          }),
        ),
      ),
    load: ({ digest }) => {
      const bytes = sizes[digest]?.measured ?? 0;
      if (bytes < 0) throw new Error('kernel Magic is missing');
      loads += 1;
      live.set(digest, bytes);
      peakBytes = Math.max(
        peakBytes,
        [...live.values()].reduce((sum, size) => sum + size, 0),
      );
      return Promise.resolve({
        bytes,
        run: () => Promise.resolve([]),
        dispose: () => void live.delete(digest),
      });
    },
    onChange: (models) => {
      residents = models;
    },
  });
  return {
    cache,
    live,
    get loads() {
      return loads;
    },
    get peakBytes() {
      return peakBytes;
    },
    get residents() {
      return residents;
    },
  };
}

describe('the model cache', () => {
  it('holds exactly what it says it holds, within the budget, whatever is asked of it', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 130 }), { minLength: 5, maxLength: 5 }),
        fc.array(fc.tuple(fc.constantFrom('use', 'evict'), fc.constantFrom(...names)), { maxLength: 30 }),
        async (bytes, steps) => {
          const sizes = Object.fromEntries(
            names.map((name, at) => [name, { estimate: bytes[at] ?? 0, measured: bytes[at] ?? 0 }]),
          );
          const world = cacheOf(sizes);
          for (const [step, name] of steps) {
            if (step === 'evict') world.cache.evict(name);
            else if (world.cache.find(artifactOf(name)) === null) {
              const loaded = await world.cache.load(artifactOf(name));
              expect(loaded.ok).toBe((sizes[name]?.measured ?? 0) <= BUDGET);
            }
            expect(new Set(world.residents.map(({ digest }) => digest))).toEqual(new Set(world.live.keys()));
            expect(world.peakBytes).toBeLessThanOrEqual(BUDGET);
          }
        },
      ),
    );
  });

  it('evicts the least recently used first', async () => {
    const world = cacheOf({
      a: { estimate: 40, measured: 40 },
      b: { estimate: 40, measured: 40 },
      c: { estimate: 40, measured: 40 },
    });
    await world.cache.load(artifactOf('a'));
    await world.cache.load(artifactOf('b'));
    world.cache.find(artifactOf('a'));
    await world.cache.load(artifactOf('c'));
    expect([...world.live.keys()]).toEqual(['a', 'c']);
  });

  it('goes by the measure when a model turns out larger than its weights', async () => {
    const world = cacheOf({ a: { estimate: 40, measured: 40 }, b: { estimate: 10, measured: 90 } });
    await world.cache.load(artifactOf('a'));
    await world.cache.load(artifactOf('b'));
    expect([...world.live.keys()]).toEqual(['b']);
  });

  it('refuses a model that cannot load, with the reason, and keeps the others', async () => {
    const world = cacheOf({ a: { estimate: 40, measured: 40 }, b: { estimate: 10, measured: -1 } });
    await world.cache.load(artifactOf('a'));
    expect(await world.cache.load(artifactOf('b'))).toEqual({
      ok: false,
      error: { code: 'LOAD_FAILED', message: 'The model cannot be loaded: kernel Magic is missing' },
    });
    expect([...world.live.keys()]).toEqual(['a']);
  });

  it('keeps one pack on two engines apart, and evicts both by digest', async () => {
    const world = cacheOf({ a: { estimate: 10, measured: 10 } });
    await world.cache.load(artifactOf('a'));
    expect(world.cache.find({ ...artifactOf('a'), runtime: 'tfjs-node' })).toBeNull();
    await world.cache.load({ ...artifactOf('a'), runtime: 'tfjs-node' });
    expect(world.residents).toHaveLength(2);
    world.cache.evict('a');
    expect(world.residents).toEqual([]);
    expect(world.loads).toBe(2);
  });
});
