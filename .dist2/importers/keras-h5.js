import { openHdf5 } from "./hdf5.js";
import { parseJson } from "./json.js";
import { readKerasModel } from "./keras-config.js";
import { convertKerasModel } from "./keras-topology.js";
import { createNamedWeights } from "./keras-weights.js";
import { refuseImport } from "./refused.js";
async function readKerasH5(source) {
  const file = await openHdf5(source);
  const config = file.text("/", "model_config") ?? joinedText(file, "model_config");
  if (config === null) refuseWithoutConfig(file);
  const version = file.text("/", "keras_version") ?? file.text("/model_weights", "keras_version");
  const kerasMajor = majorVersion(version);
  const model = readKerasModel(parseJson(config, "model_config"), kerasMajor);
  const backend = file.text("/", "backend");
  return convertKerasModel(model, weightsByGroup(file, model), {
    format: "KERAS_H5",
    producer: version === null ? null : `keras ${version}${backend === null ? "" : ` (${backend})`}`,
    notes: file.hasGroup("/optimizer_weights") ? ["The optimizer state in the file is not needed to predict and was left out."] : []
  });
}
function joinedText(file, attribute) {
  return file.texts("/", attribute)?.join("") ?? null;
}
function majorVersion(version) {
  const major = Number.parseInt(version ?? "2", 10);
  if (major === 3) return 3;
  if (major === 2) return 2;
  return refuseImport(
    "UNSUPPORTED_FORMAT",
    `keras ${version}`,
    `The file was written by Keras ${version}; Keras 2 and 3 are read. Load it with a later Keras and save it again.`
  );
}
function refuseWithoutConfig(file) {
  const isWeights = file.texts("/", "layer_names") !== null || file.hasGroup("/layers") || file.hasGroup("/vars");
  return refuseImport(
    "UNSUPPORTED_FORMAT",
    "model_config",
    isWeights ? 'The HDF5 file holds weights without an architecture (model.save_weights). Save the whole model with model.save("model.keras").' : 'The HDF5 file holds no Keras model: it has no attribute model_config. Save the whole model with model.save("model.keras").'
  );
}
function weightsByGroup(file, model) {
  const root = file.hasGroup("/model_weights") ? "/model_weights" : "/";
  const groups = /* @__PURE__ */ new Map();
  return (layer) => {
    const groupName = layer.path[0] ?? layer.name;
    let find = groups.get(groupName);
    if (find === void 0) {
      const members = model.layers.filter((member) => (member.path[0] ?? member.name) === groupName);
      find = createNamedWeights(groupName, members, listWeights(file, root, groupName));
      groups.set(groupName, find);
    }
    return find(layer);
  };
}
function listWeights(file, root, group) {
  const path = `${root === "/" ? "" : root}/${group}`;
  if (!file.hasGroup(path)) {
    refuseImport("CORRUPT_ARTIFACT", group, `The file holds no weights for layer "${group}".`);
  }
  return (file.texts(path, "weight_names") ?? []).flatMap((name) => {
    const dataset = file.dataset(`${path}/${name}`);
    if (dataset === null) {
      return refuseImport(
        "CORRUPT_ARTIFACT",
        name,
        `The file lists the weight "${name}" of layer "${group}", but does not hold it.`
      );
    }
    return [foundIn(file, dataset, name)];
  });
}
function foundIn(file, dataset, name) {
  return { name, shape: dataset.shape, read: () => file.readFloat32(dataset) };
}
export {
  foundIn,
  readKerasH5
};
//# sourceMappingURL=keras-h5.js.map
