// TFJS layers models made from nothing: the sizes that the benchmark needs and that nobody wants in a repository.
// Weights are random from a seed; what the model says is meaningless, what it costs is not.
import { zipOf } from './zip.mjs';

/** Uniform numbers in [-1, 1), the same for the same seed. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/**
 * A functional model, layer by layer. Each method answers the layer's name, for the next one's inputs.
 * @param {{name: string, inputShape: number[], seed: number}} model
 */
export function layersModel({ name, inputShape, seed }) {
  const random = randomNumbers(seed);
  const layers = [];
  const weights = [];

  function layer(className, config, from, named = `${className.toLowerCase()}_${layers.length}`) {
    layers.push({
      class_name: className,
      name: named,
      config: { name: named, trainable: true, dtype: 'float32', ...config },
      inbound_nodes: from.length === 0 ? [] : [from.map((source) => [source, 0, 0, {}])],
    });
    return named;
  }

  function weight(owner, suffix, shape, valueOf) {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let i = 0; i < values.length; i++) values[i] = valueOf();
    weights.push({ name: `${owner}/${suffix}`, shape, values });
    return values;
  }

  const input = layer('InputLayer', { batch_input_shape: [null, ...inputShape], sparse: false }, [], 'input');

  return {
    input,
    weights,
    layer,
    /** Spread so that the signal keeps its size through a ReLU. */
    conv(from, { channels, filters, size, strides = 1, padding = 'valid', activation = 'linear' }) {
      const made = layer(
        'Conv2D',
        {
          filters,
          kernel_size: [size, size],
          strides: [strides, strides],
          padding,
          data_format: 'channels_last',
          dilation_rate: [1, 1],
          activation,
          use_bias: true,
        },
        [from],
      );
      const limit = Math.sqrt(6 / (size * size * channels));
      weight(made, 'kernel', [size, size, channels, filters], () => limit * random());
      weight(made, 'bias', [filters], () => 0.01 * random());
      return made;
    },
    dense(from, { inputs, units, activation = 'linear' }) {
      const made = layer('Dense', { units, activation, use_bias: true }, [from]);
      const limit = Math.sqrt(6 / (inputs + units));
      weight(made, 'kernel', [inputs, units], () => limit * random());
      weight(made, 'bias', [units], () => 0.01 * random());
      return made;
    },
    normalise(from, channels, gamma) {
      const made = layer(
        'BatchNormalization',
        { axis: [3], momentum: 0.99, epsilon: 1.001e-5, center: true, scale: true },
        [from],
      );
      weight(made, 'gamma', [channels], () => gamma);
      weight(made, 'beta', [channels], () => 0.01 * random());
      weight(made, 'moving_mean', [channels], () => 0.01 * random());
      weight(made, 'moving_variance', [channels], () => 1);
      return made;
    },
    /** The archive: `model.json` and one file of weights. */
    archive(output) {
      const json = {
        format: 'layers-model',
        generatedBy: 'souk bench',
        convertedBy: null,
        modelTopology: {
          keras_version: '2.15.0',
          backend: 'tensorflow',
          model_config: {
            class_name: 'Functional',
            config: { name, layers, input_layers: [[input, 0, 0]], output_layers: [[output, 0, 0]] },
          },
        },
        weightsManifest: [
          {
            paths: ['weights.bin'],
            weights: weights.map((one) => ({ name: one.name, shape: one.shape, dtype: 'float32' })),
          },
        ],
      };
      const bytes = Buffer.concat(weights.map(({ values }) => Buffer.from(values.buffer)));
      return zipOf([
        ['model.json', Buffer.from(JSON.stringify(json))],
        ['weights.bin', bytes],
      ]);
    },
  };
}
