/** A TensorFlow.js model in an archive: model.json and its shards. */
import type { Archive } from './archive.js';
import { readJsonFile } from './archive-json.js';
import type { ConvertedModel } from './converted-model.js';
import { isObject, own, ownString, type JsonObject } from './json.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { readManifest } from './tfjs-manifest.js';

/** Whether a `.json` file of the archive is a TFJS model, for archives without a `model.json`. */
export function isTfjsModelJson(archive: Archive, name: string): boolean {
  const source = archive.files.get(name);
  if (source === undefined || source.size > IMPORT_LIMITS.maxJsonBytes) return false;
  return source.read(0, source.size).includes('"modelTopology"');
}

/** @param base the folder of model.json; shards are looked for there and nowhere else */
export async function readTfjs(archive: Archive, modelJson: string, base: string): Promise<ConvertedModel> {
  const model = readModelJson(archive, modelJson);
  const topology = own(model, 'modelTopology');
  if (!isObject(topology)) {
    return refuseImport(
      'CORRUPT_ARTIFACT',
      modelJson,
      `${modelJson} has no modelTopology; it is not a TensorFlow.js model.`,
    );
  }
  const weights = readManifest(archive, own(model, 'weightsManifest'), modelJson, base);
  const producer = ownString(model, 'convertedBy') ?? ownString(model, 'generatedBy');
  if (Array.isArray(own(topology, 'node'))) {
    const { readTfjsGraph } = await import('./tfjs-graph.js');
    return readTfjsGraph(model, topology, weights, producer);
  }
  const { readTfjsLayers } = await import('./tfjs-layers.js');
  return readTfjsLayers(topology, weights, producer);
}

function readModelJson(archive: Archive, name: string): JsonObject {
  const value = readJsonFile(archive, name);
  return isObject(value) ? value : refuseImport('CORRUPT_ARTIFACT', name, `${name} is not a JSON object.`);
}
