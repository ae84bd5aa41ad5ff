// Honest models of any size, in each format, all with the same weights: a chain of dense layers, y = x·W + b each.
import { createWriteStream, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import h5wasm from 'h5wasm/node';
import { pack } from 'tar-stream';
import { floats, node, onnxModel, tensor, TYPE, value } from '../../test/support/onnx-model.ts';
import { nodeOf, smallSavedModel, typeAttr } from '../../test/support/saved-models.ts';

export const SIDE = 4096;
const FLOAT = 1;

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

/** Weights as constants of the graph, in a tar. */
async function savedModel(path, layers) {
  const constant = (name, shape, values) => ({
    ...nodeOf(name, 'Const', [], [typeAttr('dtype', FLOAT)]),
    attr: [
      typeAttr('dtype', FLOAT),
      {
        key: 'value',
        value: {
          tensor: {
            dtype: FLOAT,
            tensorShape: { dim: shape.map((size) => ({ size })) },
            tensorContent: bytesOf(values),
          },
        },
      },
    ],
  });
  const shape = { dim: [{ size: -1 }, { size: SIDE }], unknownRank: false };
  const nodes = [
    nodeOf('x', 'Placeholder', [], [typeAttr('dtype', FLOAT), { key: 'shape', value: { shape } }]),
  ];
  for (let layer = 0; layer < layers; layer++) {
    const input = layer === 0 ? 'x' : `y${layer - 1}`;
    nodes.push(
      constant(`w${layer}`, [SIDE, SIDE], kernelOf(layer)),
      constant(`b${layer}`, [SIDE], biasOf(layer)),
      nodeOf(`m${layer}`, 'MatMul', [input, `w${layer}`], [typeAttr('T', FLOAT)]),
      nodeOf(`y${layer}`, 'AddV2', [`m${layer}`, `b${layer}`], [typeAttr('T', FLOAT)]),
    );
  }
  const port = (key, name) => ({ key, name, dtype: FLOAT, shape: [-1, SIDE] });
  const files = smallSavedModel(nodes, [port('x', 'x:0')], [port('y', `y${layers - 1}:0`)]);
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  for (const [name, data] of files) {
    await new Promise((done, fail) =>
      archive.entry({ name: `model/${name}` }, data, (error) => (error ? fail(error) : done())),
    );
  }
  archive.finalize();
  await written;
}

/** Writes a file of `layers` layers to the path. */
export const FORMATS = { 'keras-h5': kerasH5, onnx, tfjs, 'saved-model': savedModel };
