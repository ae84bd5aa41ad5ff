import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKerasModel } from '../../../src/importers/keras-config.js';
import { snakeCase } from '../../../src/importers/keras-inputs.js';
import { SIMPLE_LAYER_CLASSES } from '../../../src/importers/keras-layers.js';
import { convertKerasModel } from '../../../src/importers/keras-topology.js';
import { Refused } from '../../../src/importers/refused.js';

const FILE = { format: 'KERAS_V3', producer: null, notes: [] } as const;
const input = (name: string, shape: unknown = [null, 4], dtype = 'float32') => ({
  class_name: 'InputLayer',
  name,
  config: { name, batch_shape: shape, dtype },
  inbound_nodes: [],
});
const tensor = (layer: string, call = 0, index = 0) => ({
  class_name: '__keras_tensor__',
  config: { shape: [null, 4], dtype: 'float32', keras_history: [layer, call, index] },
});
const call = (...layers: string[]) => ({
  args: [layers.length === 1 ? tensor(layers[0] as string) : layers.map((layer) => tensor(layer))],
  kwargs: {},
});
const layer = (class_name: string, name: string, calls: unknown[], config: object = {}) => ({
  class_name,
  name,
  module: 'keras.layers',
  registered_name: null,
  config: { name, ...config },
  inbound_nodes: calls,
});
const functional = (layers: unknown[], inputs: unknown, outputs: unknown) => ({
  class_name: 'Functional',
  config: { name: 'm', layers, input_layers: inputs, output_layers: outputs },
});

/** The topology that a config becomes; no layer in it has weights. */
function topologyOf(config: unknown): {
  layers: { name: string; class_name: string; inbound_nodes: unknown }[];
  output_layers: unknown;
} {
  const model = readKerasModel(config, 3);
  return (convertKerasModel(model, () => [], FILE).modelTopology as { config: never }).config;
}

describe('nested models', () => {
  const inner = (name: string) => ({
    ...layer('Functional', name, [call('x')]),
    module: 'keras.src.models.functional',
    config: {
      name,
      layers: [
        input('inner_in'),
        layer('ReLU', 'act', [call('inner_in')]),
        layer('Flatten', 'flat', [call('act')]),
      ],
      input_layers: ['inner_in', 0, 0],
      output_layers: ['flat', 0, 0],
    },
  });

  it('are dissolved into their parent, layers of one name made distinct', () => {
    const first = inner('first');
    const second = inner('second');
    const made = topologyOf(
      functional(
        [input('x'), first, second, layer('Add', 'sum', [call('first', 'second')])],
        ['x', 0, 0],
        ['sum', 0, 0],
      ),
    );
    expect(made.layers.map(({ name, class_name }) => `${class_name} ${name}`).sort()).toEqual([
      'Add sum',
      'Flatten flat',
      'Flatten flat_1',
      'InputLayer x',
      'ReLU act',
      'ReLU act_1',
    ]);
    expect(made.layers.find(({ name }) => name === 'sum')?.inbound_nodes).toEqual([
      [
        ['flat', 0, 0, {}],
        ['flat_1', 0, 0, {}],
      ],
    ]);
  });

  it.each([0, 1])('called twice share their layers, with calls counted from %i', (first) => {
    const shared = { ...inner('shared'), inbound_nodes: [call('x'), call('y')] };
    const sum = {
      ...layer('Add', 'sum', []),
      inbound_nodes: [{ args: [[tensor('shared', first), tensor('shared', first + 1)]], kwargs: {} }],
    };
    const made = topologyOf(
      functional(
        [input('x'), input('y'), shared, sum],
        [
          ['x', 0, 0],
          ['y', 0, 0],
        ],
        [['sum', 0, 0]],
      ),
    );
    expect(made.layers.find(({ name }) => name === 'act')?.inbound_nodes).toEqual([
      [['x', 0, 0, {}]],
      [['y', 0, 0, {}]],
    ]);
    expect(made.layers.find(({ name }) => name === 'sum')?.inbound_nodes).toEqual([
      [
        ['flat', 0, 0, {}],
        ['flat', 1, 0, {}],
      ],
    ]);
  });
});

describe('the topology', () => {
  it('leaves out layers that no output needs', () => {
    const made = topologyOf(
      functional(
        [input('x'), layer('ReLU', 'used', [call('x')]), layer('Flatten', 'idle', [call('x')])],
        ['x', 0, 0],
        ['used', 0, 0],
      ),
    );
    expect(made.layers.map(({ name }) => name)).toEqual(['x', 'used']);
  });

  it.each(['__proto__', 'constructor', 'has space', '_private', 'ünïcode', 'toString'])(
    'renames a layer called %j, which an engine could not look up, and keeps the name for callers',
    (name) => {
      const config = JSON.parse(
        JSON.stringify(functional([input('x'), layer('ReLU', name, [call('x')])], ['x', 0, 0], [name, 0, 0])),
      ) as unknown;
      const model = convertKerasModel(readKerasModel(config, 3), () => [], FILE);
      expect(model.outputs[0]?.name).toBe(name);
      expect(model.outputs[0]?.node).toMatch(/^[A-Za-z0-9][-A-Za-z0-9._/]*$/);
      expect(model.outputs[0]?.node).not.toBe(name);
    },
  );

  it('holds nothing of the file but names and checked options', () => {
    const secret = 'do-not-copy';
    const config = functional(
      [
        input('x'),
        layer('ReLU', 'act', [call('x')], {
          kernel_initializer: { class_name: secret },
          build_config: { secret },
        }),
      ],
      ['x', 0, 0],
      ['act', 0, 0],
    );
    expect(JSON.stringify(topologyOf({ ...config, compile_config: { loss: secret } }))).not.toContain(secret);
  });
});

describe('a mask', () => {
  const masked = (...rest: object[]) => ({
    class_name: 'Sequential',
    config: {
      name: 's',
      layers: [
        input('ids'),
        layer('Embedding', 'embed', [], { input_dim: 5, output_dim: 2, mask_zero: true }),
        ...rest,
      ],
    },
  });

  it('that would reach a layer which tfjs-layers lets ignore it keeps the model from tfjs-layers, naming the layer', () => {
    const model = readKerasModel(masked(layer('GlobalAveragePooling1D', 'mean', [])), 3);
    expect(model.beyondTfjs).toMatch(/"mean".*mask/);
  });

  it('ends at a recurrent layer that gives its last step', () => {
    const lstm = layer('LSTM', 'lstm', [], { units: 3, return_sequences: false });
    expect(readKerasModel(masked(lstm, layer('BatchNormalization', 'norm', [])), 3).layers).toHaveLength(4);
  });
});

describe('junk', () => {
  it('is refused and nothing else, whatever it is', () => {
    const classNames = fc.constantFrom(
      'Sequential',
      'Functional',
      'InputLayer',
      'Dense',
      'Bidirectional',
      'TimeDistributed',
      '__proto__',
      ...SIMPLE_LAYER_CLASSES,
    );
    const { layers } = fc.letrec<{ layers: unknown }>((tie) => ({
      layers: fc.array(
        fc.record(
          {
            class_name: fc.oneof(classNames, fc.jsonValue()),
            name: fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()),
            config: fc.oneof(
              fc.record(
                {
                  name: fc.constantFrom('a', 'b', 'c'),
                  layers: tie('layers'),
                  units: fc.jsonValue(),
                  batch_shape: fc.oneof(fc.constant([null, 3]), fc.jsonValue()),
                  layer: fc.jsonValue(),
                  axis: fc.jsonValue(),
                },
                { requiredKeys: [] },
              ),
              fc.jsonValue(),
            ),
            inbound_nodes: fc.oneof(fc.constant([[['a', 0, 0, {}]]]), fc.jsonValue()),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 4 },
      ),
    }));
    const model = fc.record({
      class_name: classNames,
      config: fc.record(
        {
          layers,
          input_layers: fc.oneof(fc.constant(['a', 0, 0]), fc.jsonValue()),
          output_layers: fc.oneof(fc.constant(['b', 0, 0]), fc.jsonValue()),
        },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(model, (config) => {
        try {
          topologyOf(config);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
        }
      }),
      { numRuns: 1500 },
    );
  });
});

it.each([
  ['Conv2D', 'conv2d'],
  ['GlobalAveragePooling2D', 'global_average_pooling2d'],
  ['LSTM', 'lstm'],
  ['PReLU', 'p_re_lu'],
  ['ReLU', 're_lu'],
  ['BatchNormalization', 'batch_normalization'],
  ['SimpleRNN', 'simple_rnn'],
])('%s is numbered as %s in a .keras file', (className, group) => {
  expect(snakeCase(className)).toBe(group);
});
