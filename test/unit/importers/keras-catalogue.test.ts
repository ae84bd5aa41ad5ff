/**
 * Every layer that the documentation of Keras lists, and every one that tfjs-layers registers, is served, or refused with
 * a sentence of its own that says what would work. A layer that nobody thought of makes this red.
 */
import { expect, it } from 'vitest';
import { readKerasModel } from '../../../src/importers/keras-config.js';
import { HINTS } from '../../../src/importers/keras-inputs.js';
import { canonicalClass, SIMPLE_LAYER_CLASSES } from '../../../src/importers/keras-layers.js';
import { RECURRENT_CLASSES } from '../../../src/importers/keras-recurrent.js';
import { tf } from '../../support/make-pack.js';

/** keras.io/api/layers, Keras 3, and at the end what Keras 2 had besides. */
const DOCUMENTED = `
  Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
  AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
  AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
  CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D
  Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix
  Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization FeatureSpace
  Flatten FlaxLayer GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
  GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
  GroupQueryAttention GroupedQueryAttention HashedCrossing Hashing Identity IntegerLookup JaxLayer LSTM LSTMCell
  Lambda LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum
  MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
  RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
  RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
  RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation
  RandomZoom ReLU ReconstructPatches2D ReconstructPatches3D RepeatVector Rescaling Reshape Resizing
  ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization
  SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract
  TFSMLayer TextVectorization TimeDistributed TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D
  UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
  LocallyConnected1D LocallyConnected2D RandomHeight RandomWidth ThresholdedReLU`
  .split(/\s+/)
  .filter((name) => name !== '');

/** No layers of their own: bases of others, a cell of an abstract layer, and pieces of models. */
const NO_LAYERS = ['ConvRNN2D', 'InputLayer', 'SeparableConv', 'Sequential', 'Functional', 'Model'];

interface Registered {
  readonly prototype: unknown;
}

function registeredByTfjs(): string[] {
  const { classNameMap } = tf.serialization.SerializationMap.getMap() as unknown as {
    readonly classNameMap: Readonly<Record<string, readonly [Registered, unknown]>>;
  };
  // `Layer` itself is exported as a type only.
  let base: unknown = Object.getPrototypeOf(tf.layers.flatten());
  while ((base as { constructor: { name: string } }).constructor.name !== 'Layer') {
    base = Object.getPrototypeOf(base);
  }
  return Object.entries(classNameMap)
    .filter(([, [registered]]) => (base as object).isPrototypeOf(registered.prototype as object))
    .map(([name]) => name);
}

const isServed = (name: string): boolean =>
  [...SIMPLE_LAYER_CLASSES, ...RECURRENT_CLASSES].includes(canonicalClass(name));

it('every layer of the documentation of Keras is served, or refused with a hint of its own', () => {
  expect(DOCUMENTED.length).toBeGreaterThan(130);
  expect(DOCUMENTED.filter((name) => isServed(name) === HINTS.has(name))).toEqual([]);
});

it('every layer that tfjs-layers registers is served, or refused with a hint of its own', () => {
  const registered = registeredByTfjs();
  expect(registered.length).toBeGreaterThan(60);
  const layers = registered.filter((name) => !NO_LAYERS.includes(name));
  expect(layers.filter((name) => isServed(name) === HINTS.has(name))).toEqual([]);
});

it.each(['Solarization', 'RandomHeight', 'RandomWidth', 'ReversibleEmbedding'])(
  '%s is read as the layer that it is when it serves',
  (className) => {
    const embeds = className === 'ReversibleEmbedding';
    const shape = embeds ? [null, 4] : [null, 4, 4, 3];
    const config = { name: 'it', ...(embeds ? { input_dim: 5, output_dim: 2 } : { factor: 0.5 }) };
    const { layers } = readKerasModel(
      {
        class_name: 'Sequential',
        config: {
          name: 'm',
          layers: [
            { class_name: 'InputLayer', config: { name: 'x', batch_shape: shape, dtype: 'float32' } },
            { class_name: className, config },
          ],
        },
      },
      3,
    );
    expect(JSON.stringify(layers)).toContain(embeds ? '"className":"Embedding"' : '"className":"Dropout"');
  },
);
