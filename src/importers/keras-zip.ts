/** Keras 3's own format: a zip of `config.json`, `metadata.json` and `model.weights.h5`. */
import type { Archive } from './archive.js';
import { readJsonFile } from './archive-json.js';
import type { ConvertedModel } from './converted-model.js';
import { openHdf5, type Hdf5File } from './hdf5.js';
import { isObject, ownString } from './json.js';
import { readKerasModel } from './keras-config.js';
import { foundIn } from './keras-h5.js';
import { convertKerasModel, type FindWeights } from './keras-topology.js';
import { refuseImport } from './refused.js';

/** @throws Refused */
export async function readKerasZip(archive: Archive): Promise<ConvertedModel> {
  const config = readJsonFile(archive, 'config.json');
  const metadata = archive.files.has('metadata.json') ? readJsonFile(archive, 'metadata.json') : null;
  const version = isObject(metadata) ? ownString(metadata, 'keras_version') : null;
  const model = readKerasModel(config, 3);
  const weights = archive.files.get('model.weights.h5');
  if (weights === undefined)
    refuseImport('CORRUPT_ARTIFACT', 'model.weights.h5', 'The .keras file holds no model.weights.h5.');
  const file = await openHdf5(weights);
  const others = [...archive.files.keys()].filter((name) => !KNOWN_FILES.has(name));
  const optimizer = file.hasGroup('/optimizer')
    ? ['The optimizer state in the file is not needed to predict and was left out.']
    : [];
  return convertKerasModel(model, createVariables(file), {
    format: 'KERAS_V3',
    producer: version === null ? null : `keras ${version}`,
    notes: [
      ...optimizer,
      ...(others.length > 0 ? [`${others.length} further files in the archive were left out.`] : []),
    ],
  });
}

const KNOWN_FILES = new Set(['config.json', 'metadata.json', 'model.weights.h5']);

/**
 * `/layers/<class>_<n>/…/vars/<i>`. Siblings are numbered by class; newer files also note each layer's
 * name at its variables, which then counts, because it cannot be off by one.
 */
function createVariables(file: Hdf5File): FindWeights {
  const notedBySiblings = new Map<string, ReadonlyMap<string, string>>();
  const notedIn = (siblings: string): ReadonlyMap<string, string> => {
    const known = notedBySiblings.get(siblings);
    if (known !== undefined) return known;
    const noted = notedNames(file, siblings);
    notedBySiblings.set(siblings, noted);
    return noted;
  };
  return (layer) =>
    layer.translated.weights.map((want) => {
      const siblings = `${layer.weightsPath.slice(0, -1).reduce((path, step) => `${path}/layers/${step}`, '')}/layers`;
      const group = notedIn(siblings).get(layer.name) ?? layer.weightsPath.at(-1) ?? '';
      const path = `${siblings}/${group}${want.part === '' ? '' : `/${want.part}`}/vars/${want.index}`;
      const dataset = file.dataset(path);
      if (dataset === null) {
        return refuseImport(
          'CORRUPT_ARTIFACT',
          layer.name,
          `model.weights.h5 has no weight "${want.sourceName}" for layer "${layer.name}" (looked for ${path}).`,
        );
      }
      return foundIn(file, dataset, path);
    });
}

/** Layer name -> group, for names that are noted once. */
function notedNames(file: Hdf5File, siblings: string): ReadonlyMap<string, string> {
  const noted = new Map<string, string>();
  const repeated = new Set<string>();
  for (const child of file.children(siblings)) {
    const name = file.text(`${siblings}/${child}/vars`, 'name');
    if (name === null) continue;
    if (noted.has(name)) repeated.add(name);
    noted.set(name, child);
  }
  for (const name of repeated) noted.delete(name);
  return noted;
}
