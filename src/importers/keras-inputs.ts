/** Input layers, the names that groups of a `.keras` weights file get, and who may define a layer. */
import { isDimension, own, ownArray, ownObject, ownString, isObject, type JsonObject } from './json.js';
import type { TranslatedLayer } from './keras-rules.js';
import { dtypeName, refuseLayer, type LayerContext } from './keras-options.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

/** Keras dtype -> what the engines take; what callers send is the right side. */
const INPUT_DTYPES: ReadonlyMap<string, string> = new Map([
  ['float32', 'float32'],
  ['float16', 'float32'],
  ['bfloat16', 'float32'],
  ['float64', 'float32'],
  ['int32', 'int32'],
  ['int64', 'int32'],
  ['int16', 'int32'],
  ['int8', 'int32'],
  ['uint8', 'int32'],
  ['uint16', 'int32'],
  ['uint32', 'int32'],
  ['bool', 'bool'],
  ['string', 'string'],
]);

/** @param shape with the batch dimension, `null` for a free one */
export function inputLayer(shape: unknown, config: JsonObject, context: LayerContext): TranslatedLayer {
  const dimensions = inputShape(shape, context);
  if (own(config, 'sparse') === true || own(config, 'ragged') === true)
    refuseLayer(context, 'is a sparse or ragged input; dense inputs can be served.');
  const given = dtypeName(own(config, 'dtype')) ?? 'float32';
  const dtype =
    INPUT_DTYPES.get(given) ??
    refuseLayer(context, `has the dtype ${given}; served are ${[...INPUT_DTYPES.keys()].join(', ')}.`);
  return {
    className: 'InputLayer',
    config: { batch_input_shape: dimensions, dtype, sparse: false },
    weights: [],
    outputs: 1,
  };
}

function inputShape(shape: unknown, context: LayerContext): (number | null)[] {
  const isValid =
    Array.isArray(shape) &&
    shape.length >= 1 &&
    shape.length <= IMPORT_LIMITS.maxRank &&
    shape.every((d) => d === null || (isDimension(d) && d > 0));
  if (!isValid) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      context.name,
      `Input "${context.name}" has the shape ${JSON.stringify(shape) ?? 'none'}; expected a batch dimension and positive sizes, ${IMPORT_LIMITS.maxRank} at most.`,
    );
  }
  const dimensions = shape as (number | null)[];
  const elements = dimensions.reduce<number>((product, dimension) => product * (dimension ?? 1), 1);
  if (elements > IMPORT_LIMITS.maxInputElements) {
    refuseImport(
      'LIMIT_EXCEEDED',
      context.name,
      `Input "${context.name}" has ${elements} elements; at most ${IMPORT_LIMITS.maxInputElements} are accepted.`,
    );
  }
  return dimensions;
}

/** The input shape that a nested model declares, for a Sequential that begins with one. */
export function nestedInputShape(config: JsonObject): unknown {
  const first = ownArray(config, 'layers')?.[0];
  if (!isObject(first)) return null;
  const firstConfig = ownObject(first, 'config') ?? {};
  return (
    own(firstConfig, 'batch_shape') ?? own(firstConfig, 'batch_input_shape') ?? nestedInputShape(firstConfig)
  );
}

/** Keras numbers siblings by class: `conv2d`, `conv2d_1`, `dense`; see `weightsPath`. */
export function createGroupNames(): (className: string) => string {
  const used = new Map<string, number>();
  return (className) => {
    const base = snakeCase(className);
    const count = used.get(base) ?? 0;
    used.set(base, count + 1);
    return count === 0 ? base : `${base}_${count}`;
  };
}

/** As Keras does it: `GlobalAveragePooling2D` -> `global_average_pooling2d`, `PReLU` -> `p_re_lu`. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

const KERAS_MODULE = /^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/;

/** Only Keras's own layers: a layer from any other Python module computes what that module says. */
export function refuseForeignModule(layer: JsonObject, context: LayerContext): void {
  const module = ownString(layer, 'module');
  const registered = ownString(layer, 'registered_name');
  if (context.className === 'Lambda') refuseUnknown(context);
  if (module !== null && !KERAS_MODULE.test(module)) {
    refuseLayer(context, `comes from the Python module "${module}"; only Keras's own layers can be served.`);
  }
  if (registered !== null && registered.includes('>')) {
    refuseLayer(
      context,
      `is a custom layer registered as "${registered}"; only Keras's own layers can be served.`,
    );
  }
}

/** Classes that are refused with more than their name. */
export const HINTS: ReadonlyMap<string, string> = new Map([
  [
    'Lambda',
    'carries Python code, and Souk never runs code from a model file. Replace it by built-in layers.',
  ],
  ['TFSMLayer', 'loads another model from a path; upload that model itself.'],
  ['TorchModuleWrapper', 'carries a pickled PyTorch module, which is never loaded.'],
  ['TFOpLambda', 'calls a TensorFlow function, which is not in the file; express it with built-in layers.'],
  ['JaxLayer', 'carries a JAX program, which is not in the file.'],
  ['FlaxLayer', 'carries a JAX program, which is not in the file.'],
  ['TextVectorization', 'splits texts into words, which only a whole TensorFlow graph does.'],
  ['StackedRNNCells', 'is no layer by itself; use one recurrent layer after the other.'],
  ...['SimpleRNNCell', 'LSTMCell', 'GRUCell', 'ConvLSTM2DCell'].map((name): [string, string] => [
    name,
    `is one step of a recurrent layer; use ${name.replace('Cell', '')} itself.`,
  ]),
  ['MelSpectrogram', 'computes spectra of sound, which only a whole TensorFlow graph does.'],
  ['STFTSpectrogram', 'computes spectra of sound, which only a whole TensorFlow graph does.'],
  ['SlicingOpLambda', 'slices a tensor in Python, which is not in the file.'],
  ['Equalization', 'computes a histogram of each picture; equalise pictures before they are sent.'],
  ['AutoContrast', 'stretches each picture by its own extremes; do it before pictures are sent.'],
  [
    'ContrastLimitedAdaptiveHistogramEqualization',
    'computes histograms of each picture; equalise pictures before they are sent.',
  ],
  ['MaxNumBoundingBoxes', 'counts the boxes of training data; leave it out of the model that serves.'],
  [
    'RandomCrop',
    'does another thing when it serves in each version of Keras; put CenterCrop or Resizing in its place.',
  ],
  ['HashedCrossing', 'hashes pairs of values as only TensorFlow itself does.'],
  ['Pipeline', 'is a list of other layers; put these into the model one after the other.'],
  ['FeatureSpace', 'is a model that reads a table; build the model from its get_encoded_features() instead.'],
  ['LocallyConnected1D', 'has a kernel for each place, which Keras 3 dropped.'],
  ['LocallyConnected2D', 'has a kernel for each place, which Keras 3 dropped.'],
  [
    'ReconstructPatches2D',
    'puts patches together; Reshape and Permute do the same where patches do not overlap.',
  ],
  [
    'ReconstructPatches3D',
    'puts patches together; Reshape and Permute do the same where patches do not overlap.',
  ],
  ['BytePairTokenizer', 'splits texts into tokens; send the tokens.'],
]);

export function refuseUnknown(context: LayerContext): never {
  const hint = HINTS.get(context.className);
  return refuseLayer(context, hint ?? 'is of a class that no engine of Souk computes as a Keras layer.');
}
