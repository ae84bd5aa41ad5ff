/**
 * Mutated fixtures: only ever a model or a refusal. Most are read in a thread of this process, where any other
 * exception shows; some go through the real child, where a crash would show as IMPORT_CRASHED. The HDF5
 * library itself loops for ever on some damaged heaps: that is what the deadline is for, and rare.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { fixture, graphZip, unzip } from '../../support/archives.js';
import { createReaderThread } from '../../support/reader-thread.js';
import { importBytes } from '../../support/importing.js';
import { externalTensor, floats, node, onnxModel, value } from '../../support/onnx-model.js';
import { mutatedOnnx } from '../../support/onnx-mutations.js';
import { savedModelFiles, zipOfFiles } from '../../support/saved-models.js';
import { zipOf } from '../../support/zip.js';

const importer = createImporter({ maxConcurrentImports: 2, maxQueuedImports: 100 });
const reader = createReaderThread(2000);
afterAll(async () => {
  await importer.stop();
  await reader.stop();
});

/** xorshift: the same mutations in every run, so that a failure can be repeated by its number. */
function randomOf(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Flips, zeroes, repeats or cuts: 1 to 16 changes. */
function mutated(bytes: Uint8Array, seed: number): Uint8Array {
  const random = randomOf(seed);
  const made = Buffer.from(bytes);
  for (let i = random(16); i >= 0; i--) {
    // Half of the changes go to the first kilobyte, where formats keep what can be lied about.
    const at = random(random(2) === 0 ? Math.min(1024, made.length) : made.length);
    const kind = random(4);
    if (kind === 0) made[at] = (made[at] ?? 0) ^ (1 << random(8));
    else if (kind === 1) made[at] = random(2) * 255;
    else if (kind === 2) made.fill(random(256), at, at + random(8));
    else made.copyWithin(at, random(made.length), random(made.length));
  }
  return random(8) === 0 ? made.subarray(0, random(made.length)) : made;
}

const kerasFiles = await unzip(fixture('keras/dense.keras'));

/** The archive stays sound, one file in it does not: mutations reach the readers behind the checksum. */
function mutatedInside(name: string, seed: number): Uint8Array {
  return zipOf(
    [...kerasFiles].map(([entry, data]) => ({
      name: entry,
      data: entry === name ? mutated(data, seed) : data,
    })),
  );
}

const savedModel = savedModelFiles('saved-model/dense');

function mutatedSavedModel(name: string, seed: number): Uint8Array {
  const files = new Map(savedModel);
  files.set(name, Buffer.from(mutated(files.get(name) ?? Buffer.alloc(0), seed)));
  return zipOfFiles(files);
}

const onnxWithData = onnxModel({
  nodes: [node('Add', ['x', 'w'], ['y'])],
  inputs: [value('x', 1, ['n', 2])],
  outputs: [value('y', 1, ['n', 2])],
  initializers: [externalTensor('w', 1, [2], { location: 'w', offset: '0', length: '8' })],
});

/** The places of weights in a data file are in it, too. */
function mutatedOnnxZip(seed: number): Uint8Array {
  return zipOf([
    { name: 'm.onnx', data: mutatedOnnx(onnxWithData, seed) },
    { name: 'w', data: floats(1, 2) },
  ]);
}

const SEEDS = Array.from({ length: 120 }, (_, seed) => seed);

describe('mutations are a model or a refusal', () => {
  it.each<[string, (seed: number) => Uint8Array]>([
    ['an h5', (seed) => mutated(fixture('layers/dense-3d.h5'), seed)],
    ['a .keras archive', (seed) => mutated(fixture('keras/dense.keras'), seed)],
    ['a config.json', (seed) => mutatedInside('config.json', seed)],
    ['a model.weights.h5', (seed) => mutatedInside('model.weights.h5', seed)],
    ['a TFJS archive', (seed) => mutated(graphZip(), seed)],
    ['a saved_model.pb', (seed) => mutatedSavedModel('saved_model.pb', seed)],
    ['a variables.index', (seed) => mutatedSavedModel('variables/variables.index', seed)],
    ['an ONNX file', (seed) => mutatedOnnx(fixture('onnx/dense.onnx'), seed)],
    ['an ONNX file of trees', (seed) => mutatedOnnx(fixture('onnx/iris-tree.onnx'), seed)],
    ['an ONNX file with data files', mutatedOnnxZip],
  ])('of %s', async (_what, make) => {
    const outcomes: string[] = [];
    for (const seed of SEEDS) outcomes.push(await reader.read(make(seed)));
    expect(outcomes.filter((outcome) => outcome.startsWith('FAULT'))).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'HANGS').length).toBeLessThan(4);
    // The mutations must bite: were all accepted or all refused alike, they would test nothing.
    expect(new Set(outcomes).size).toBeGreaterThan(1);
  });
});

describe('mutations through the real child', () => {
  it.each(Array.from({ length: 10 }, (_, i) => 1000 + i))(
    'number %i is a model or a refusal',
    async (seed) => {
      const bytes =
        seed % 2 === 0
          ? mutated(fixture('layers/dense-3d.h5'), seed)
          : mutatedInside('model.weights.h5', seed);
      const { result } = await importBytes(importer, bytes);
      if (!result.ok) expect(result.error.code).not.toMatch(/^IMPORT_/);
    },
  );

  it.each(Array.from({ length: 6 }, (_, i) => 2000 + i))(
    'number %i of a SavedModel, which TensorFlow then loads, is a model or a refusal',
    async (seed) => {
      const name = seed % 2 === 0 ? 'saved_model.pb' : 'variables/variables.data-00000-of-00001';
      const { result } = await importBytes(importer, mutatedSavedModel(name, seed), {
        runtimes: ['tfjs-graph'],
      });
      if (!result.ok) expect(result.error.code).not.toMatch(/^IMPORT_(TIMED_OUT|OUT_OF_MEMORY)/);
    },
  );

  it.each(Array.from({ length: 8 }, (_, i) => 3000 + i))(
    'number %i of an ONNX file, which the runtime then loads, is a model or a refusal',
    async (seed) => {
      const name = seed % 2 === 0 ? 'onnx/dense.onnx' : 'onnx/iris-tree.onnx';
      const { result } = await importBytes(importer, mutatedOnnx(fixture(name), seed), {
        runtimes: ['onnx'],
      });
      if (!result.ok) expect(result.error.code).not.toMatch(/^IMPORT_(TIMED_OUT|OUT_OF_MEMORY)/);
    },
  );
});
