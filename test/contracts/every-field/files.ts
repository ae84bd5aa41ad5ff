/** Small files for states that are rare: slow, failing on some inputs, served by one engine only, refused. */
import { graphZip, SMALL_GRAPH_WEIGHTS, type Config } from '../../support/archives.js';
import { zipOf } from '../../support/zip.js';

const float = { type: 'DT_FLOAT' };

function node(name: string, op: string, input: readonly string[], attr: Config): Config {
  return { name, op, input, attr };
}

function constant(model: Config, name: string, shape: readonly number[], dtype: 'float32' | 'int32'): void {
  model.modelTopology.node.push(
    node(name, 'Const', [], { dtype: dtype === 'int32' ? { type: 'DT_INT32' } : float }),
  );
  model.weightsManifest[0].weights.push({ name, shape, dtype });
}

/** A TFJS graph from x FP32 [-1, 3]: `nodes` after it, the last one is the output. */
function graph(
  nodes: readonly Config[],
  constants: readonly [name: string, values: readonly number[]][],
): Buffer {
  const weights = constants.map(([, values]) => Int32Array.from(values));
  return graphZip(
    (model) => {
      model.modelTopology.node = [model.modelTopology.node[0]];
      model.weightsManifest[0].weights = [];
      for (const [name, values] of constants) constant(model, name, [values.length], 'int32');
      model.modelTopology.node.push(...nodes);
    },
    Buffer.concat(weights.map(({ buffer }) => Buffer.from(buffer))),
  );
}

const ints = { type: 'DT_INT32' };
const product = { T: float, transpose_a: { b: false }, transpose_b: { b: false } };

/** Multiplies square matrices with as many rows as the largest x: one row in the trial, slow when asked for many. */
export function slowModel(): Buffer {
  const reduced = { T: float, Tidx: ints, keep_dims: { b: false } };
  return graph(
    [
      node('least', 'Min', ['x', 'axes'], reduced),
      node('most', 'Max', ['x', 'axes'], reduced),
      node('whole', 'Cast', ['most'], { SrcT: float, DstT: ints }),
      node('sides', 'AddV2', ['whole', 'ones'], { T: ints }),
      node('big0', 'Fill', ['sides', 'least'], { T: float, index_type: ints }),
      ...[1, 2, 3, 4].map((i) => node(`big${i}`, 'MatMul', [`big${i - 1}`, 'big0'], product)),
      node('sum', 'Max', ['big4', 'axes'], reduced),
      node('y', 'Mul', ['x', 'sum'], { T: float }),
    ],
    [
      ['axes', [0, 1]],
      ['ones', [1, 1]],
    ],
  );
}

/** Looks x up in a table of three: fails on what is not in it, which no signature can say. */
export function tableModel(): Buffer {
  return graph(
    [
      node('index', 'Cast', ['x'], { SrcT: float, DstT: ints }),
      node('y', 'GatherV2', ['table', 'index', 'axis'], { Tparams: ints, Tindices: ints, Taxis: ints }),
    ],
    [
      ['table', [5, 6, 7]],
      ['axis', [0]],
    ],
  );
}

/** One number a row: the largest of x. */
export function largestModel(): Buffer {
  return graph(
    [node('y', 'Max', ['x', 'axis'], { T: float, Tidx: ints, keep_dims: { b: false } })],
    [['axis', [1]]],
  );
}

/** Complex numbers, for which tfjs-wasm has no kernel. */
export function nodeOnlyModel(): Buffer {
  return graph(
    [
      node('complex', 'Complex', ['x', 'x'], { T: float, Tout: { type: 'DT_COMPLEX64' } }),
      node('y', 'Imag', ['complex'], { T: { type: 'DT_COMPLEX64' }, Tout: float }),
    ],
    [],
  );
}

/** One dense layer, as tfjs saves it. */
export function layersModel(className = 'Dense'): Buffer {
  const dense = {
    name: className.toLowerCase(),
    units: 2,
    activation: 'linear',
    use_bias: true,
    batch_input_shape: [null, 3],
  };
  const model = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'sequential', layers: [{ class_name: className, config: dense }] },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: [
          { name: 'dense/kernel', shape: [3, 2], dtype: 'float32' },
          { name: 'dense/bias', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  };
  return zipOf([
    { name: 'model.json', data: Buffer.from(JSON.stringify(model)) },
    { name: 'weights.bin', data: SMALL_GRAPH_WEIGHTS },
  ]);
}

/** Answers integers and booleans too. */
export function mixedModel(): Buffer {
  return graph(
    [
      node('whole', 'Cast', ['x'], { SrcT: float, DstT: ints }),
      node('finite', 'Greater', ['x', 'x'], { T: float }),
    ],
    [],
  );
}

export function textModel(): Buffer {
  const text = { type: 'DT_STRING' };
  return graphZip((model) => {
    model.modelTopology.node = [
      node('x', 'Placeholder', [], { dtype: text, shape: { shape: { dim: [{ size: '-1' }] } } }),
      node('y', 'Identity', ['x'], { T: text }),
    ];
    model.weightsManifest = [];
  });
}

/** What each refused file is refused for. */
export const REFUSED_FILES: Readonly<Record<string, () => Buffer>> = {
  UNSUPPORTED_FORMAT: () => Buffer.from('%PDF-1.7 is no model'),
  CORRUPT_ARTIFACT: () => graphZip(undefined, new Uint8Array(3)),
  UNSUPPORTED_OP: () => graph([node('y', 'WriteFile', ['x'], {})], []),
  UNSUPPORTED_TENSOR: () =>
    graphZip((model) => {
      model.weightsManifest[0].weights[0].dtype = 'float8';
    }),
  LIMIT_EXCEEDED: () =>
    graphZip((model) => {
      model.modelTopology.node = [];
    }),
  TRIAL_FAILED: () =>
    graph([node('y', 'Reshape', ['x', 'shape'], { T: float, Tshape: ints })], [['shape', [7, 7]]]),
};
