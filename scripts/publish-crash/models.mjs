// Model files of any size, each with weights of its own, so that no two share bytes or packs.
import { randomFillSync } from 'node:crypto';

/** One dense layer, as TensorFlow.js saves it, in a tar: `side` numbers in, as many out. */
export function denseModel(side = 8) {
  const dense = {
    name: 'dense',
    units: side,
    activation: 'linear',
    use_bias: true,
    batch_input_shape: [null, side],
  };
  const weights = [
    { name: 'dense/kernel', shape: [side, side], dtype: 'float32' },
    { name: 'dense/bias', shape: [side], dtype: 'float32' },
  ];
  const model = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'sequential', layers: [{ class_name: 'Dense', config: dense }] },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  return tarOf([
    ['model.json', Buffer.from(JSON.stringify(model))],
    ['weights.bin', randomWeights(side * side + side)],
  ]);
}

/** Small numbers: random bits would be NaN and infinity now and then. */
function randomWeights(count) {
  const bits = randomFillSync(new Uint16Array(count));
  return Buffer.from(Float32Array.from(bits, (value) => value / 65_536 - 0.5).buffer);
}

/** What no importer knows. */
export function noModel() {
  return Buffer.concat([Buffer.from('%PDF-1.7 '), randomFillSync(Buffer.alloc(64))]);
}

function tarOf(files) {
  const blocks = files.flatMap(([name, data]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        0', 148);
    header.write('ustar\u000000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
