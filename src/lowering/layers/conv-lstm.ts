/** LSTM whose products are convolutions; after `keras/src/layers/rnn/conv_lstm.py`. */
import type { Value } from '../graph-builder.js';
import { overTime } from '../loop.js';
import { refuseLowering } from '../refused.js';
import { knownDimension } from '../shapes.js';
import { activate } from './activations.js';
import { convolve, raise, windowOf } from './convolutions.js';
import { first, type LowerLayer } from './layer.js';
import { flagOption, numberOption } from './options.js';
import { gate } from './recurrent.js';

/** x [batch, time, size…, channels]; one convolution of all steps before the loop, one of the state inside. */
export function convolutionalLstm(rank: 1 | 2 | 3): LowerLayer {
  return (call) => {
    const { ops, subject } = call;
    const given = first(call);
    if (flagOption(call, 'stateful', false)) {
      refuseLowering(
        subject,
        `Layer "${subject}" is stateful: it would remember one caller's data for the next.`,
      );
    }
    const filters = numberOption(call, 'filters', 1);
    const x = flagOption(call, 'go_backwards', false) ? ops.reverse(given, 1) : given;
    const pictures = given.shape.slice(2).map((_, i) => knownDimension(given.shape, i + 2, subject));
    const kernel = call.weight('kernel');
    // A line is a picture of height one.
    const flat = raisedIf(rank, ops.reshape(x, [null, ...pictures]), kernel, windowOf(call, rank));
    const product = convolve(ops, flat.x, flat.kernel, flat.window);
    const biased = flagOption(call, 'use_bias', true) ? ops.biasAdd(product, call.weight('bias')) : product;
    const sizes = product.shape.slice(1, -1).map((size) => size ?? 1);
    const time = given.shape[1] ?? null;
    const shape = [given.shape[0] ?? null, time, ...sizes, 4 * filters];
    const apart =
      time === null
        ? ops.reshape(biased, shape, [ops.dimension(x, 0), ops.dimension(x, 1), ...sizes, 4 * filters])
        : ops.reshape(biased, shape);
    const order = shape.map((_, i) => i);
    const [turned, stateShape] = [
      [1, 0, ...order.slice(2)],
      [given.shape[0] ?? null, ...sizes, filters],
    ];
    const zeros = ops.fill(ops.pack([ops.dimension(x, 0), ...sizes, filters]), 'float32', 0, stateShape);
    const recurrent = call.weight('recurrent_kernel');
    const loop = overTime(ops, {
      sequences: [ops.transpose(apart, turned)],
      initial: [zeros, zeros],
      constants: [rank === 1 ? ops.expand(recurrent, 0) : recurrent],
      collects: flagOption(call, 'return_sequences', false),
      outputShape: stateShape,
      step([input], [h, c], [inner]) {
        const steps = sizes.map(() => 1);
        const again = convolve(ops, h as Value, inner as Value, {
          strides: steps,
          dilations: steps,
          padding: 'SAME',
        });
        const all = ops.add(input as Value, again);
        const open = (at: number): Value =>
          activate(call, gate(ops, all, at, filters), 'recurrent_activation', 'sigmoid');
        const candidate = activate(call, gate(ops, all, 2, filters), 'activation', 'tanh');
        const cell = ops.add(ops.multiply(open(1), c as Value), ops.multiply(open(0), candidate));
        const output = ops.multiply(open(3), activate(call, cell, 'activation', 'tanh'));
        return { states: [output, cell], output };
      },
    });
    const lowered = (y: Value, axis: number): Value => (rank === 1 ? ops.squeeze(y, [axis]) : y);
    const [h, c] = loop.states as readonly [Value, Value];
    const output = loop.outputs === null ? lowered(h, 1) : lowered(ops.transpose(loop.outputs, turned), 2);
    const returnsState = flagOption(call, 'return_state', false);
    return { outputs: returnsState ? [output, lowered(h, 1), lowered(c, 1)] : [output] };

    function raisedIf(dimensions: number, pixels: Value, window: Value, how: ReturnType<typeof windowOf>) {
      return dimensions === 1 ? raise(ops, pixels, window, how) : { x: pixels, kernel: window, window: how };
    }
  };
}
