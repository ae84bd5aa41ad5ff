// The models of the benchmark that no fixture holds.
import { layersModel, randomNumbers } from './layers-model.mjs';

const SIDE = 224;
/** Filters of the two narrow convolutions, blocks, stride of the first: the table of the ResNet paper. */
const STAGES = [
  [64, 3, 1],
  [128, 4, 2],
  [256, 6, 2],
  [512, 3, 2],
];

/** ResNet50 as Keras builds it: 25.6 million parameters, 224×224×3, 1,000 classes. */
export function resnet50() {
  const model = layersModel({ name: 'resnet50', inputShape: [SIDE, SIDE, 3], seed: 50 });
  const pad = (from, by) =>
    model.layer(
      'ZeroPadding2D',
      {
        padding: [
          [by, by],
          [by, by],
        ],
        data_format: 'channels_last',
      },
      [from],
    );
  const relu = (from) => model.layer('Activation', { activation: 'relu' }, [from]);
  // Small where a branch joins the main road: random weights would otherwise double the signal in every block.
  const convolve = (from, shape, gamma = 1) => model.normalise(model.conv(from, shape), shape.filters, gamma);

  let x = relu(convolve(pad(model.input, 3), { channels: 3, filters: 64, size: 7, strides: 2 }));
  x = model.layer(
    'MaxPooling2D',
    { pool_size: [3, 3], strides: [2, 2], padding: 'valid', data_format: 'channels_last' },
    [pad(x, 1)],
  );
  let channels = 64;
  for (const [filters, blocks, firstStride] of STAGES) {
    for (let block = 0; block < blocks; block++) {
      const strides = block === 0 ? firstStride : 1;
      const wide = 4 * filters;
      const shortcut = block === 0 ? convolve(x, { channels, filters: wide, size: 1, strides }, 0.5) : x;
      let branch = relu(convolve(x, { channels, filters, size: 1, strides }));
      branch = relu(convolve(branch, { channels: filters, filters, size: 3, padding: 'same' }));
      branch = convolve(branch, { channels: filters, filters: wide, size: 1 }, 0.2);
      x = relu(model.layer('Add', {}, [shortcut, branch]));
      channels = wide;
    }
  }
  x = model.layer('GlobalAveragePooling2D', { data_format: 'channels_last' }, [x]);
  // No softmax: among 1,000 classes it would make all answers alike, and one picture's could pass for another's.
  return model.archive(model.dense(x, { inputs: channels, units: 1_000 }));
}

/** Takes a whole picture and does next to nothing with it, so that what is measured is the way there and back. */
export function picture() {
  const model = layersModel({ name: 'picture', inputShape: [SIDE, SIDE, 3], seed: 224 });
  let x = model.conv(model.input, { channels: 3, filters: 8, size: 8, strides: 8, activation: 'relu' });
  x = model.layer('GlobalAveragePooling2D', { data_format: 'channels_last' }, [x]);
  return model.archive(model.dense(x, { inputs: 8, units: 10 }));
}

const DIGIT_SIDE = 28;

/**
 * 44 million multiplications on a picture of 3 KB: joined or not, the engine needs milliseconds for each, while
 * HTTP and GraphQL have next to nothing to do. Whoever wants much of it meets the pool's queue and no other.
 */
export function busy() {
  const model = layersModel({ name: 'busy', inputShape: [DIGIT_SIDE, DIGIT_SIDE, 1], seed: 28 });
  const shape = { size: 3, padding: 'same', activation: 'relu' };
  let x = model.conv(model.input, { ...shape, channels: 1, filters: 32 });
  x = model.conv(x, { ...shape, channels: 32, filters: 64 });
  x = model.conv(x, { ...shape, channels: 64, filters: 64 });
  x = model.layer('GlobalAveragePooling2D', { data_format: 'channels_last' }, [x]);
  return model.archive(model.dense(x, { inputs: 64, units: 10 }));
}

/** Noise over a brightness and a pattern of its own for each picture; float32, as [bytes, …]. */
export const pictures = (count) => noise(count, SIDE * SIDE * 3);
export const smallPictures = (count) => noise(count, DIGIT_SIDE * DIGIT_SIDE);

function noise(count, length) {
  return Array.from({ length: count }, (_, index) => {
    const random = randomNumbers(1_000 + index);
    const period = 10 + 40 * index;
    const values = Float32Array.from(
      { length },
      (_value, at) => 0.3 * random() + Math.sin((at * 2 * Math.PI) / period) + 0.5 * (index - 1),
    );
    return new Uint8Array(values.buffer);
  });
}

const WIDE = [1_024, 5_000, 4_000, 10];

/**
 * 100 MB of dense layers; another model for every seed. `values` is what it answers to `input`, computed here, so
 * that nothing of the server's is believed.
 */
export function heavy(seed) {
  const model = layersModel({ name: 'heavy', inputShape: [WIDE[0]], seed });
  const [inputs, first, second, outputs] = WIDE;
  let x = model.dense(model.input, { inputs, units: first, activation: 'relu' });
  x = model.dense(x, { inputs: first, units: second, activation: 'relu' });
  const archive = model.archive(model.dense(x, { inputs: second, units: outputs }));
  const input = Float32Array.from({ length: inputs }, randomNumbers(seed + 1));
  let signal = input;
  for (let at = 0; at < model.weights.length; at += 2) {
    signal = multiply(signal, model.weights[at].values, model.weights[at + 1].values);
    if (at + 2 < model.weights.length) signal = signal.map((value) => Math.max(0, value));
  }
  return { archive, input: new Uint8Array(input.buffer), values: signal };
}

function multiply(input, kernel, bias) {
  const sums = Float64Array.from(bias);
  for (let row = 0; row < input.length; row++) {
    const factor = input[row];
    if (factor === 0) continue;
    const start = row * sums.length;
    for (let column = 0; column < sums.length; column++) sums[column] += factor * kernel[start + column];
  }
  return sums;
}
