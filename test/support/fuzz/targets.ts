/** What is fuzzed: sound files of every format, and where in them the damage goes. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { fixture, graphZip, unzip } from '../archives.js';
import { layersZip } from '../hostile/tfjs-layers.js';
import { mutatedOnnx } from '../onnx-mutations.js';
import { savedModelFiles, tarOfFiles, zipOfFiles } from '../saved-models.js';
import { zipOf } from '../zip.js';
import { mutateBytes, mutateJson, mutateProto, type Mutate } from './mutations.js';
import { randomOf, type Random } from './random.js';

export interface FuzzTarget {
  readonly name: string;
  /** The HDF5 library loops for ever on some damaged heaps; that is what the deadline is for. */
  readonly mayHang: boolean;
  make(seed: number): Uint8Array;
}

type Files = ReadonlyMap<string, Uint8Array>;

const bait = { path: '/nowhere', pipe: '/nowhere', url: 'http://127.0.0.1:9/' };
const zipped = (files: Files): Buffer => zipOf([...files].map(([name, data]) => ({ name, data })));

/** The archive stays sound, one file in it does not: the damage gets behind the checksum. */
const inside =
  (files: Files, name: string, mutate: Mutate, pack: (files: Files) => Uint8Array) => (random: Random) => {
    const old = files.get(name);
    if (old === undefined) throw new Error(`The fixture has no ${name}.`);
    return pack(new Map(files).set(name, mutate(old, random)));
  };

/** Names changed, entries left out, put in twice or under another's name; every checksum right. */
const rearranged = (files: Files) => (random: Random) => {
  const entries = [...files].map(([name, data]) => ({ name, data }));
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(entries.length);
    const entry = entries[at];
    if (entry === undefined) break;
    const other = random.pick(entries);
    const kind = random.below(5);
    if (kind === 0 && entries.length > 1) entries.splice(at, 1);
    else if (kind === 1)
      entries.push({ ...entry, name: random.pick(['x.json', 'a/model.json', 'model.json', entry.name]) });
    else if (kind === 2) entries[at] = { ...entry, data: other.data };
    else if (kind === 3)
      entries[at] = { ...entry, name: `${entry.name}${random.pick(['/', '\0', '.json', '/x', '..'])}` };
    else entries[at] = { ...entry, data: mutateBytes(entry.data, random) };
  }
  return zipOf(entries);
};

/** All targets. Takes fixtures apart, once. */
export async function fuzzTargets(): Promise<readonly FuzzTarget[]> {
  const keras = await unzip(fixture('keras/dense.keras'));
  const residual = await unzip(fixture('layers/residual-block.keras'));
  const graph = await unzip(graphZip());
  const layers = await unzip(layersZip(() => undefined)(bait));
  const saved: Files = savedModelFiles('saved-model/dense');
  const savedZip = (files: Files): Buffer =>
    zipOfFiles(new Map([...files].map(([name, data]) => [name, Buffer.from(data)])));
  const savedTar = gunzipSync(await tarOfFiles(savedModelFiles('saved-model/dense')));
  const onnx = (name: string): Buffer => fixture(`onnx/${name}.onnx`);

  const target = (name: string, make: (random: Random) => Uint8Array, mayHang = false): FuzzTarget => ({
    name,
    mayHang,
    make: (seed) => make(randomOf(seed)),
  });
  return [
    target('h5', (random) => mutateBytes(fixture('layers/dense-3d.h5'), random), true),
    target('keras-archive', (random) => mutateBytes(fixture('keras/dense.keras'), random), true),
    target('keras-entries', rearranged(keras), true),
    target('keras-config', inside(keras, 'config.json', mutateJson, zipped)),
    target('keras-graph-config', inside(residual, 'config.json', mutateJson, zipped)),
    target('keras-config-bytes', inside(keras, 'config.json', mutateBytes, zipped)),
    target('keras-weights', inside(keras, 'model.weights.h5', mutateBytes, zipped), true),
    target('tfjs-archive', (random) => mutateBytes(graphZip(), random)),
    target('tfjs-entries', rearranged(graph)),
    target('tfjs-graph-json', inside(graph, 'model.json', mutateJson, zipped)),
    target('tfjs-layers-json', inside(layers, 'model.json', mutateJson, zipped)),
    target('saved-model-graph', inside(saved, 'saved_model.pb', mutateProto, savedZip)),
    target('saved-model-graph-bytes', inside(saved, 'saved_model.pb', mutateBytes, savedZip)),
    target('saved-model-index', inside(saved, 'variables/variables.index', mutateBytes, savedZip)),
    target('saved-model-entries', rearranged(saved)),
    target('saved-model-tar', (random) => gzipSync(mutateBytes(savedTar, random))),
    target('onnx', (random) => mutateProto(onnx('dense'), random)),
    target('onnx-convolutions', (random) => mutateProto(onnx('cnn'), random)),
    target('onnx-trees', (random) => mutateProto(onnx('iris-tree'), random)),
    target('onnx-fields', (random) => mutatedOnnx(onnx('dense'), random.below(2 ** 31))),
    target('onnx-bytes', (random) => mutateBytes(onnx('dense'), random)),
  ];
}
