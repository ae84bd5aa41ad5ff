import { readJsonFile } from "./archive-json.js";
import { isObject, own, ownString } from "./json.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
import { readTfjsGraph } from "./tfjs-graph.js";
import { readTfjsLayers } from "./tfjs-layers.js";
import { readManifest } from "./tfjs-manifest.js";
function isTfjsModelJson(archive, name) {
  const source = archive.files.get(name);
  if (source === void 0 || source.size > IMPORT_LIMITS.maxJsonBytes) return false;
  return source.read(0, source.size).includes('"modelTopology"');
}
function readTfjs(archive, modelJson, base) {
  const model = readModelJson(archive, modelJson);
  const topology = own(model, "modelTopology");
  if (!isObject(topology)) {
    return refuseImport(
      "CORRUPT_ARTIFACT",
      modelJson,
      `${modelJson} has no modelTopology; it is not a TensorFlow.js model.`
    );
  }
  const weights = readManifest(archive, own(model, "weightsManifest"), modelJson, base);
  const producer = ownString(model, "convertedBy") ?? ownString(model, "generatedBy");
  const isGraph = Array.isArray(own(topology, "node"));
  return isGraph ? readTfjsGraph(model, topology, weights, producer) : readTfjsLayers(topology, weights, producer);
}
function readModelJson(archive, name) {
  const value = readJsonFile(archive, name);
  return isObject(value) ? value : refuseImport("CORRUPT_ARTIFACT", name, `${name} is not a JSON object.`);
}
export {
  isTfjsModelJson,
  readTfjs
};
//# sourceMappingURL=tfjs.js.map
