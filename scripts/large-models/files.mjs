// Honest models of any size, in each format, all with the same weights: a chain of dense layers, y = x·W + b each.
import { createWriteStream, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import h5wasm from 'h5wasm/node';
import { pack } from 'tar-stream';
import { maskedCrc32c } from '../../src/importers/crc32c.ts';
import { decodeProto, encodeProto } from '../../src/importers/tensorflow-proto.ts';
import { writeVariablesIndex } from '../../src/importers/variables-index.ts';
import { floats, node, onnxModel, tensor, TYPE, value } from '../../test/support/onnx-model.ts';
import { nodeOf, shape, smallSavedModel, typeAttr } from '../../test/support/saved-models.ts';

export const SIDE = 4096;
const [FLOAT, STRING, RESOURCE] = [1, 7, 20];

/** Layer by layer: a kernel of `SIDE` by `SIDE`, 64 MiB. The same numbers whenever it is asked for. */
function kernelOf(layer) {
  const kernel = new Float32Array(SIDE * SIDE);
  let state = layer + 1;
  for (let i = 0; i < kernel.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Small enough that a row keeps its size through any number of layers.
    kernel[i] = (state / 2 ** 32 - 0.5) * 0.05;
  }
  return kernel;
}

const biasOf = (layer) => new Float32Array(SIDE).fill((layer + 1) / 100);
const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

/** What `layers` layers answer to a row, computed here in double precision. */
export function answerTo(row, layers) {
  let at = Float64Array.from(row);
  for (let layer = 0; layer < layers; layer++) {
    const [kernel, next] = [kernelOf(layer), Float64Array.from(biasOf(layer))];
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++) next[j] += at[i] * kernel[i * SIDE + j];
    }
    at = next;
  }
  return Array.from(at);
}

function dense(layer) {
  const config = { name: `dense_${layer}`, units: SIDE, activation: 'linear', use_bias: true };
  return {
    class_name: 'Dense',
    config: layer === 0 ? { ...config, batch_input_shape: [null, SIDE] } : config,
  };
}

const sequential = (layers) => ({
  class_name: 'Sequential',
  config: { name: 'sequential', layers: Array.from({ length: layers }, (_, layer) => dense(layer)) },
});

/** Keras 2's layout, weights in one HDF5 file. */
async function kerasH5(path, layers) {
  await h5wasm.ready;
  const file = new h5wasm.File(path, 'w');
  file.create_attribute('keras_version', '2.15.0');
  file.create_attribute('backend', 'tensorflow');
  file.create_attribute('model_config', JSON.stringify(sequential(layers)));
  const weights = file.create_group('model_weights');
  for (let layer = 0; layer < layers; layer++) {
    const name = `dense_${layer}`;
    const group = weights.create_group(name);
    group.create_attribute('weight_names', [`${name}/kernel:0`, `${name}/bias:0`]);
    const inner = group.create_group(name);
    inner.create_dataset({ name: 'kernel:0', data: kernelOf(layer), shape: [SIDE, SIDE], dtype: '<f' });
    inner.create_dataset({ name: 'bias:0', data: biasOf(layer), shape: [SIDE], dtype: '<f' });
  }
  file.close();
}

async function onnx(path, layers) {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const name = (layer) => (layer === 0 ? 'x' : layer === layers ? 'y' : `h${layer}`);
  const model = onnxModel({
    nodes: all.map((layer) => node('Gemm', [name(layer), `w${layer}`, `b${layer}`], [name(layer + 1)])),
    inputs: [value('x', TYPE.float, ['n', SIDE])],
    outputs: [value('y', TYPE.float, ['n', SIDE])],
    initializers: all.flatMap((layer) => [
      tensor(`w${layer}`, TYPE.float, [SIDE, SIDE], bytesOf(kernelOf(layer))),
      tensor(`b${layer}`, TYPE.float, [SIDE], floats(...biasOf(layer))),
    ]),
  });
  writeFileSync(path, model);
}

/** One shard for each layer, in a tar. */
async function tfjs(path, layers) {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const model = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    modelTopology: { ...sequential(layers), keras_version: 'tfjs-layers 4.22.0', backend: 'tensor_flow.js' },
    weightsManifest: all.map((layer) => ({
      paths: [`group${layer}.bin`],
      weights: [
        { name: `dense_${layer}/kernel`, shape: [SIDE, SIDE], dtype: 'float32' },
        { name: `dense_${layer}/bias`, shape: [SIDE], dtype: 'float32' },
      ],
    })),
  };
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const entry = (name, data) =>
    new Promise((done, fail) => archive.entry({ name }, data, (error) => (error ? fail(error) : done())));
  await entry('model.json', Buffer.from(JSON.stringify(model)));
  for (const layer of all) {
    const data = Buffer.concat([bytesOf(kernelOf(layer)), bytesOf(biasOf(layer))]);
    await entry(`group${layer}.bin`, data);
  }
  archive.finalize();
  await written;
}

/** A tensor of floats, as a node of the graph has it. */
const floatsTensor = (sizes, values) => ({
  dtype: FLOAT,
  tensorShape: { dim: sizes.map((size) => ({ size })) },
  tensorContent: bytesOf(values),
});

const x = () =>
  nodeOf(
    'x',
    'Placeholder',
    [],
    [typeAttr('dtype', FLOAT), { key: 'shape', value: { shape: shape(-1, SIDE) } }],
  );
const port = (key, name) => ({ key, name, dtype: FLOAT, shape: [-1, SIDE] });

/** Weights as constants of the graph (a "frozen" one), in a tar. */
async function savedModelFrozen(path, layers) {
  const constant = (name, sizes, values) =>
    nodeOf(
      name,
      'Const',
      [],
      [typeAttr('dtype', FLOAT), { key: 'value', value: { tensor: floatsTensor(sizes, values) } }],
    );
  const nodes = [x()];
  for (let layer = 0; layer < layers; layer++) {
    const input = layer === 0 ? 'x' : `y${layer - 1}`;
    nodes.push(
      constant(`w${layer}`, [SIDE, SIDE], kernelOf(layer)),
      constant(`b${layer}`, [SIDE], biasOf(layer)),
      nodeOf(`m${layer}`, 'MatMul', [input, `w${layer}`], [typeAttr('T', FLOAT)]),
      nodeOf(`y${layer}`, 'AddV2', [`m${layer}`, `b${layer}`], [typeAttr('T', FLOAT)]),
    );
  }
  const files = smallSavedModel(nodes, [port('x', 'x:0')], [port('y', `y${layers - 1}:0`)]);
  await writeTar(path, files);
}

/** Weights as variables in a checkpoint, served by a function that is called with them, as Keras exports; in a tar. */
async function savedModel(path, layers) {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const stored = all.flatMap((layer) => [
    { key: key(layer, 'bias'), sizes: [SIDE], values: () => biasOf(layer) },
    { key: key(layer, 'kernel'), sizes: [SIDE, SIDE], values: () => kernelOf(layer) },
  ]);
  const files = servedVariables(all, stored);
  let offset = 0;
  const entries = stored.map(({ key: name, sizes, values }) => {
    const bytes = bytesOf(values());
    const { dim } = shape(...sizes);
    const entry = { dtype: FLOAT, shape: { dim }, shardId: 0, offset, size: bytes.length };
    offset += bytes.length;
    return [name, { ...entry, crc32c: maskedCrc32c(bytes) }];
  });
  files.set('variables/variables.index', writeVariablesIndex(entries));
  const values = { size: offset, pieces: () => stored.map((tensor) => bytesOf(tensor.values())) };
  files.set('variables/variables.data-00000-of-00001', values);
  await writeTar(path, files);
}

/** In the order of the index: by name. */
const key = (layer, name) => `layers/${String(layer).padStart(4, '0')}/${name}/.ATTRIBUTES/VARIABLE_VALUE`;

function servedVariables(all, stored) {
  const handles = stored.map(({ key: name, sizes }, at) =>
    nodeOf(
      `handle_${at}`,
      'VarHandleOp',
      [],
      [
        typeAttr('dtype', FLOAT),
        { key: 'shape', value: { shape: shape(...sizes) } },
        { key: 'shared_name', value: { s: Buffer.from(name) } },
      ],
    ),
  );
  const called = (name, reads, wanted) => [
    { key: 'Tin', value: { list: { type: reads } } },
    { key: 'Tout', value: { list: { type: wanted } } },
    { key: 'f', value: { func: { name, attr: [] } } },
  ];
  const resources = stored.map((_, at) => ({ name: `var_${at}`, type: RESOURCE }));
  const read = (at) => nodeOf(`read_${at}`, 'ReadVariableOp', [`var_${at}`], [typeAttr('dtype', FLOAT)]);
  const serving = {
    signature: {
      name: '__inference_signature_wrapper_1',
      inputArg: [{ name: 'x', type: FLOAT }, ...resources],
      outputArg: [{ name: 'y', type: FLOAT }],
      isStateful: true,
    },
    nodeDef: all.flatMap((layer) => [
      read(2 * layer),
      read(2 * layer + 1),
      nodeOf(
        `m${layer}`,
        'MatMul',
        [layer === 0 ? 'x' : `y${layer - 1}:z:0`, `read_${2 * layer + 1}:value:0`],
        [typeAttr('T', FLOAT)],
      ),
      nodeOf(
        `y${layer}`,
        'AddV2',
        [`m${layer}:product:0`, `read_${2 * layer}:value:0`],
        [typeAttr('T', FLOAT)],
      ),
    ]),
    ret: [{ key: 'y', value: `y${all.length - 1}:z:0` }],
  };
  const texts = (name, values) =>
    nodeOf(
      name,
      'Const',
      [],
      [
        typeAttr('dtype', STRING),
        {
          key: 'value',
          value: {
            tensor: {
              dtype: STRING,
              tensorShape: shape(values.length),
              stringVal: values.map((s) => Buffer.from(s)),
            },
          },
        },
      ],
    );
  const restore = {
    signature: {
      name: '__inference__traced_restore_2',
      inputArg: [{ name: 'file_prefix', type: STRING }, ...resources],
      outputArg: [{ name: 'identity', type: STRING }],
      isStateful: true,
    },
    nodeDef: [
      texts(
        'names',
        stored.map((tensor) => tensor.key),
      ),
      texts(
        'slices',
        stored.map(() => ''),
      ),
      nodeOf(
        'RestoreV2',
        'RestoreV2',
        ['file_prefix', 'names:output:0', 'slices:output:0'],
        [{ key: 'dtypes', value: { list: { type: stored.map(() => FLOAT) } } }],
      ),
      ...stored.map((_, at) =>
        nodeOf(
          `assign_${at}`,
          'AssignVariableOp',
          [`var_${at}`, `RestoreV2:tensors:${at}`],
          [typeAttr('dtype', FLOAT)],
        ),
      ),
      nodeOf(
        'Identity',
        'Identity',
        ['file_prefix', ...stored.map((_, at) => `^assign_${at}`)],
        [typeAttr('T', STRING)],
      ),
    ],
    ret: [{ key: 'identity', value: 'Identity:output:0' }],
  };
  const given = stored.map(() => RESOURCE);
  const nodes = [
    x(),
    nodeOf(
      'saver_filename',
      'Placeholder',
      [],
      [typeAttr('dtype', STRING), { key: 'shape', value: { shape: shape() } }],
    ),
    ...handles,
    nodeOf(
      'StatefulPartitionedCall',
      'StatefulPartitionedCall',
      ['x', ...handles.map(({ name }) => name)],
      called(serving.signature.name, [FLOAT, ...given], [FLOAT]),
    ),
    nodeOf(
      'StatefulPartitionedCall_1',
      'StatefulPartitionedCall',
      ['saver_filename', ...handles.map(({ name }) => name)],
      called(restore.signature.name, [STRING, ...given], [STRING]),
    ),
  ];
  const files = smallSavedModel(nodes, [port('x', 'x:0')], [port('y', 'StatefulPartitionedCall:0')]);
  const saved = decodeProto('SavedModel', files.get('saved_model.pb'), 'saved_model.pb');
  const [meta] = saved.metaGraphs;
  meta.graphDef.library = { function: [serving, restore] };
  meta.saverDef = {
    filenameTensorName: 'saver_filename:0',
    saveTensorName: 'saver_filename:0',
    restoreOpName: 'StatefulPartitionedCall_1',
    version: 2,
  };
  const graph = Buffer.from(encodeProto('SavedModel', saved));
  return new Map([['saved_model.pb', graph]]);
}

/** @param files bytes, or `{ size, pieces() }` */
async function writeTar(path, files) {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  for (const [name, data] of files) {
    const pieces = data instanceof Uint8Array ? [data] : data.pieces();
    const size = data.length ?? data.size;
    await new Promise((done, fail) => {
      const entry = archive.entry({ name: `model/${name}`, size }, (error) => (error ? fail(error) : done()));
      Readable.from(pieces).pipe(entry);
    });
  }
  archive.finalize();
  await written;
}

/** Writes a file of `layers` layers to the path. */
export const FORMATS = {
  'keras-h5': kerasH5,
  onnx,
  tfjs,
  'saved-model': savedModel,
  'saved-model-frozen': savedModelFrozen,
};
