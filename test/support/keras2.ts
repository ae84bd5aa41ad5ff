/**
 * Rewrites a Keras 3 `.h5` in the layout of Keras 2 (tf.keras): `batch_input_shape`, plain dtypes, nested
 * lists as inbound nodes, calls of nested models counted from 1, weight names with `:0`.
 */
import h5wasm from 'h5wasm';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

const isMap = (value: Json | undefined): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function keras2Config(value: Json, nested: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((item) => keras2Config(item, nested));
  if (!isMap(value)) return value;
  if (value['class_name'] === 'DTypePolicy') return (value['config'] as JsonMap)['name'] ?? 'float32';
  const made: JsonMap = {};
  for (const [key, item] of Object.entries(value)) {
    if (['module', 'registered_name', 'build_config', 'compile_config', 'shared_object_id'].includes(key))
      continue;
    if (['build_input_shape', 'optional', 'quantization_config', 'seed'].includes(key)) continue;
    if (key === 'inbound_nodes') made[key] = (item as Json[]).map((node) => inboundNode(node, nested));
    else if ((key === 'input_layers' || key === 'output_layers') && typeof (item as Json[])[0] === 'string')
      made[key] = [item];
    else made[key === 'batch_shape' ? 'batch_input_shape' : key] = keras2Config(item, nested);
  }
  return made;
}

function inboundNode(node: Json, nested: ReadonlySet<string>): Json {
  const [first] = (node as JsonMap)['args'] as Json[];
  return (Array.isArray(first) ? first : [first as Json]).map((tensor) => {
    const [layer, call, index] = ((tensor as JsonMap)['config'] as JsonMap)['keras_history'] as [
      string,
      number,
      number,
    ];
    return [layer, nested.has(layer) ? call + 1 : call, index, {}];
  });
}

function nestedModels(config: Json): Set<string> {
  const names = new Set<string>();
  const layers = isMap(config) && isMap(config['config']) ? (config['config']['layers'] as Json[]) : [];
  for (const layer of layers) {
    if (isMap(layer) && ['Sequential', 'Functional'].includes(layer['class_name'] as string)) {
      names.add((layer['config'] as JsonMap)['name'] as string);
    }
  }
  return names;
}

export interface Keras2Options {
  /** Split the attribute as Keras 2 does above 64 kB. */
  readonly splitWeightNames?: boolean;
}

export async function keras2File(keras3: Uint8Array, options: Keras2Options = {}): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  FS.writeFile('/keras3.h5', keras3);
  const source = new h5wasm.File('/keras3.h5', 'r');
  const target = new h5wasm.File('/keras2.h5', 'w');
  const config = JSON.parse(source.attrs['model_config']?.value as string) as Json;
  const nested = nestedModels(config);
  target.create_attribute('keras_version', '2.15.0');
  target.create_attribute('backend', 'tensorflow');
  target.create_attribute('model_config', JSON.stringify(keras2Config(config, nested)));
  const weights = target.create_group('model_weights');
  const from = source.get('model_weights') as InstanceType<typeof h5wasm.Group>;
  for (const layer of from.keys()) {
    if (layer === 'top_level_model_weights') continue;
    const group = from.get(layer) as InstanceType<typeof h5wasm.Group>;
    const made = weights.create_group(layer);
    const value = group.attrs['weight_names']?.value;
    const names = Array.isArray(value) ? (value as string[]) : [];
    const renamed = names.map((name) => `${layer}/${name.split('/').slice(-2).join('/')}:0`);
    if (options.splitWeightNames === true) {
      renamed.forEach((name, i) => made.create_attribute(`weight_names${i}`, [name]));
    } else if (renamed.length > 0) made.create_attribute('weight_names', renamed);
    renamed.forEach((name, i) => {
      const dataset = group.get(names[i] ?? '') as InstanceType<typeof h5wasm.Dataset>;
      const steps = name.split('/');
      let at = made;
      for (const step of steps.slice(0, -1)) at = (at.get(step) as typeof at | null) ?? at.create_group(step);
      at.create_dataset({
        name: steps.at(-1) ?? '',
        data: dataset.value as Float32Array,
        shape: dataset.shape ?? [],
        dtype: '<f',
      });
    });
  }
  target.close();
  source.close();
  return FS.readFile('/keras2.h5');
}
