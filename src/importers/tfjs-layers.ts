/**
 * A TFJS layers model: a Keras topology (written by Python's converter in snake_case, or by tfjs itself
 * with camelCase options) and named weights. It takes the same road as a Keras file.
 */
import { weightValue } from '../lowering/index.js';
import type { ConvertedModel, WeightBlock } from './converted-model.js';
import { isObject, own, ownObject, ownString, type JsonObject } from './json.js';
import { readKerasModel } from './keras-config.js';
import type { FlatLayer } from './keras-graph.js';
import { convertKerasModel, type FoundWeight } from './keras-topology.js';
import { createNamedWeights } from './keras-weights.js';
import { refuseImport } from './refused.js';

/** @throws Refused */
export function readTfjsLayers(
  topology: JsonObject,
  weights: readonly WeightBlock[],
  producer: string | null,
): ConvertedModel {
  const config = ownObject(topology, 'model_config') ?? topology;
  const version = ownString(topology, 'keras_version');
  const model = readKerasModel(snakeCaseKeys(config), version?.startsWith('3') === true ? 3 : 2);
  const found = weights.map(asFound);
  const groups = new Map<string, ReturnType<typeof createNamedWeights>>();
  const findWeights = (layer: FlatLayer): readonly FoundWeight[] => {
    const exact = layer.translated.weights.map((want) =>
      found.find((weight) => weight.name === `${layer.name}/${want.name}`),
    );
    if (exact.every((weight) => weight !== undefined)) return exact;
    const group = layer.path[0] ?? layer.name;
    let find = groups.get(group);
    if (find === undefined) {
      const members = model.layers.filter((member) => (member.path[0] ?? member.name) === group);
      const names = new Set(members.flatMap((member) => [...member.path]));
      find = createNamedWeights(
        group,
        members,
        found.filter((weight) => weight.name.split('/').some((step) => names.has(step))),
      );
      groups.set(group, find);
    }
    return find(layer);
  };
  return convertKerasModel(model, findWeights, {
    format: 'TFJS_LAYERS',
    producer: producer ?? (version === null ? null : `keras ${version}`),
    notes: weights.some(({ spec }) => spec.quantization !== undefined)
      ? ['Quantised weights were unpacked to float32.']
      : [],
  });
}

function asFound(block: WeightBlock): FoundWeight {
  const { name, shape, dtype } = block.spec;
  return {
    name,
    shape,
    read: () => {
      if (dtype !== 'float32') {
        return refuseImport(
          'UNSUPPORTED_TENSOR',
          name,
          `The weight "${name}" is ${dtype}; layers hold float32 weights.`,
        );
      }
      // Quantised weights are widened. What is float32 has a value of bytes.
      return weightValue(block.spec, block.read(), 'float32') as Uint8Array;
    },
  };
}

/**
 * tfjs writes option names in camelCase and enumerations with it; Keras's own names have neither. Names of
 * layers and tensors are values of `name` or stand in lists, and stay as they are.
 */
function snakeCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCaseKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value).map((key) => {
      const item = own(value, key);
      const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [
        name,
        ENUMERATIONS.has(name) && typeof item === 'string' ? snakeValue(item) : snakeCaseKeys(item),
      ];
    }),
  );
}

const ENUMERATIONS = new Set([
  'data_format',
  'activation',
  'recurrent_activation',
  'interpolation',
  'padding',
  'merge_mode',
]);

function snakeValue(value: string): string {
  return value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
