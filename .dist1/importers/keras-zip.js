import { readJsonFile } from "./archive-json.js";
import { openHdf5 } from "./hdf5.js";
import { isObject, ownString } from "./json.js";
import { readKerasModel } from "./keras-config.js";
import { foundIn } from "./keras-h5.js";
import { convertKerasModel } from "./keras-topology.js";
import { refuseImport } from "./refused.js";
async function readKerasZip(archive) {
  const config = readJsonFile(archive, "config.json");
  const metadata = archive.files.has("metadata.json") ? readJsonFile(archive, "metadata.json") : null;
  const version = isObject(metadata) ? ownString(metadata, "keras_version") : null;
  const model = readKerasModel(config, 3);
  const weights = archive.files.get("model.weights.h5");
  if (weights === void 0)
    refuseImport("CORRUPT_ARTIFACT", "model.weights.h5", "The .keras file holds no model.weights.h5.");
  const file = await openHdf5(weights);
  const others = [...archive.files.keys()].filter((name) => !KNOWN_FILES.has(name));
  const optimizer = file.hasGroup("/optimizer") ? ["The optimizer state in the file is not needed to predict and was left out."] : [];
  return convertKerasModel(model, createVariables(file), {
    format: "KERAS_V3",
    producer: version === null ? null : `keras ${version}`,
    notes: [
      ...optimizer,
      ...others.length > 0 ? [`${others.length} further files in the archive were left out.`] : []
    ]
  });
}
const KNOWN_FILES = /* @__PURE__ */ new Set(["config.json", "metadata.json", "model.weights.h5"]);
function createVariables(file) {
  const notedBySiblings = /* @__PURE__ */ new Map();
  const notedIn = (siblings) => {
    const known = notedBySiblings.get(siblings);
    if (known !== void 0) return known;
    const noted = notedNames(file, siblings);
    notedBySiblings.set(siblings, noted);
    return noted;
  };
  return (layer) => layer.translated.weights.map((want) => {
    const siblings = `${layer.weightsPath.slice(0, -1).reduce((path2, step) => `${path2}/layers/${step}`, "")}/layers`;
    const group = notedIn(siblings).get(layer.name) ?? layer.weightsPath.at(-1) ?? "";
    const path = `${siblings}/${group}${want.part === "" ? "" : `/${want.part}`}/vars/${want.index}`;
    const dataset = file.dataset(path);
    if (dataset === null) {
      return refuseImport(
        "CORRUPT_ARTIFACT",
        layer.name,
        `model.weights.h5 has no weight "${want.sourceName}" for layer "${layer.name}" (looked for ${path}).`
      );
    }
    return foundIn(file, dataset, path);
  });
}
function notedNames(file, siblings) {
  const noted = /* @__PURE__ */ new Map();
  const repeated = /* @__PURE__ */ new Set();
  for (const child of file.children(siblings)) {
    const name = file.text(`${siblings}/${child}/vars`, "name");
    if (name === null) continue;
    if (noted.has(name)) repeated.add(name);
    noted.set(name, child);
  }
  for (const name of repeated) noted.delete(name);
  return noted;
}
export {
  readKerasZip
};
//# sourceMappingURL=keras-zip.js.map
