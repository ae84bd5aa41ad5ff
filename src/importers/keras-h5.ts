/** A whole model in one HDF5 file, as Keras 2 and Keras 3 write it: `model.save('model.h5')`. */
import type { ConvertedModel } from './converted-model.js';
import { openHdf5, type Hdf5Dataset, type Hdf5File } from './hdf5.js';
import { parseJson } from './json.js';
import type { ByteSource } from './byte-source.js';
import { readKerasModel } from './keras-config.js';
import type { FlatModel } from './keras-graph.js';
import { convertKerasModel, type FindWeights, type FoundWeight } from './keras-topology.js';
import { createNamedWeights } from './keras-weights.js';
import { refuseImport } from './refused.js';

/** @throws Refused */
export async function readKerasH5(source: ByteSource): Promise<ConvertedModel> {
  const file = await openHdf5(source);
  const config = file.text('/', 'model_config') ?? joinedText(file, 'model_config');
  if (config === null) refuseWithoutConfig(file);
  const version = file.text('/', 'keras_version') ?? file.text('/model_weights', 'keras_version');
  const kerasMajor = majorVersion(version);
  const model = readKerasModel(parseJson(config, 'model_config'), kerasMajor);
  const backend = file.text('/', 'backend');
  return convertKerasModel(model, weightsByGroup(file, model), {
    format: 'KERAS_H5',
    producer: version === null ? null : `keras ${version}${backend === null ? '' : ` (${backend})`}`,
    notes: file.hasGroup('/optimizer_weights')
      ? ['The optimizer state in the file is not needed to predict and was left out.']
      : [],
  });
}

function joinedText(file: Hdf5File, attribute: string): string | null {
  return file.texts('/', attribute)?.join('') ?? null;
}

function majorVersion(version: string | null): 2 | 3 {
  const major = Number.parseInt(version ?? '2', 10);
  if (major === 3) return 3;
  if (major === 2) return 2;
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    `keras ${version}`,
    `The file was written by Keras ${version}; Keras 2 and 3 are read. Load it with a later Keras and save it again.`,
  );
}

function refuseWithoutConfig(file: Hdf5File): never {
  const isWeights =
    file.texts('/', 'layer_names') !== null || file.hasGroup('/layers') || file.hasGroup('/vars');
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    'model_config',
    isWeights
      ? 'The HDF5 file holds weights without an architecture (model.save_weights). Save the whole model with model.save("model.keras").'
      : 'The HDF5 file holds no Keras model: it has no attribute model_config. Save the whole model with model.save("model.keras").',
  );
}

/** Weights lie in a group per top-level layer, listed in its attribute `weight_names`. */
function weightsByGroup(file: Hdf5File, model: FlatModel): FindWeights {
  const root = file.hasGroup('/model_weights') ? '/model_weights' : '/';
  const groups = new Map<string, FindWeights>();
  return (layer) => {
    const groupName = layer.path[0] ?? layer.name;
    let find = groups.get(groupName);
    if (find === undefined) {
      const members = model.layers.filter((member) => (member.path[0] ?? member.name) === groupName);
      find = createNamedWeights(groupName, members, listWeights(file, root, groupName));
      groups.set(groupName, find);
    }
    return find(layer);
  };
}

function listWeights(file: Hdf5File, root: string, group: string): readonly FoundWeight[] {
  const path = `${root === '/' ? '' : root}/${group}`;
  if (!file.hasGroup(path)) {
    refuseImport('CORRUPT_ARTIFACT', group, `The file holds no weights for layer "${group}".`);
  }
  return (file.texts(path, 'weight_names') ?? []).flatMap((name) => {
    const dataset = file.dataset(`${path}/${name}`);
    if (dataset === null) {
      return refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The file lists the weight "${name}" of layer "${group}", but does not hold it.`,
      );
    }
    return [foundIn(file, dataset, name)];
  });
}

export function foundIn(file: Hdf5File, dataset: Hdf5Dataset, name: string): FoundWeight {
  return { name, shape: dataset.shape, read: () => file.readFloat32(dataset) };
}
