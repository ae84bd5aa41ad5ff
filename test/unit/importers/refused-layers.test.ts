/** A layer that cannot be served is refused by its name, and the refusal says what would work instead. */
import { expect, it } from 'vitest';
import { readKerasModel } from '../../../src/importers/keras-config.js';
import { HINTS } from '../../../src/importers/keras-inputs.js';
import { Refused } from '../../../src/importers/refused.js';

function refusalOf(className: string, config: object = {}): { message: string; subject: string | null } {
  const model = {
    class_name: 'Sequential',
    config: {
      name: 'm',
      layers: [
        { class_name: 'InputLayer', config: { name: 'x', batch_shape: [null, 4, 4, 3], dtype: 'float32' } },
        { class_name: className, config: { name: 'odd-one', ...config } },
      ],
    },
  };
  try {
    readKerasModel(model, 3);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
  throw new Error(`${className} was not refused.`);
}

const cell = { class_name: 'StackedRNNCells', config: { name: 'cells', cells: [] } };
const lookup = { vocabulary: ['a'], num_oov_indices: 1 };

it.each<[string, object, RegExp]>([
  ...[...HINTS].map(([name, hint]): [string, object, RegExp] => [
    name,
    {},
    new RegExp(hint.slice(0, 30).replace(/\W/g, '.')),
  ]),
  ['Wobble', {}, /no engine of Souk computes/],
  ['LSTM', { units: 2, stateful: true }, /has stateful true/],
  ['ConvLSTM2D', { filters: 2, kernel_size: 3, stateful: true }, /has stateful true/],
  ['RNN', { cell }, /StackedRNNCells.*one layer after the other/],
  ['StringLookup', { num_oov_indices: 1 }, /adapt\(\)/],
  ['StringLookup', { ...lookup, invert: true }, /has invert true/],
  ['StringLookup', { ...lookup, output_mode: 'tf_idf' }, /has output_mode "tf_idf"/],
  ['StringLookup', { ...lookup, output_mode: 'one_hot', mask_token: 'a' }, /mask_token/],
  ['Discretization', { num_bins: 4 }, /lacks bin_boundaries/],
  ['Hashing', { num_bins: 4, salt: [1, 2, 3] }, /salt/],
  ['Conv2DTranspose', { filters: 2, kernel_size: 3, dilation_rate: 2 }, /dilation_rate/],
  ['MultiHeadAttention', { num_heads: 2, key_dim: 2, sliding_window: 3 }, /has sliding_window 3/],
  ['Resizing', { height: 2, width: 2, antialias: true }, /has antialias true/],
])('%s with %j', (className, config, reason) => {
  const { message, subject } = refusalOf(className, config);
  expect(subject).toBe('odd-one');
  expect(message).toContain(`"odd-one" (${className})`);
  expect(message).toMatch(reason);
  if (!/lacks/.test(message)) expect(message).toContain('model.export("folder")');
});
