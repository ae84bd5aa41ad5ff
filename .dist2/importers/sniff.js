import { parseJson, isObject, own } from "./json.js";
import { refuseImport } from "./refused.js";
const HDF5_MAGIC = Buffer.from([137, 72, 68, 70, 13, 10, 26, 10]);
const SNIFF_BYTES = 4096;
const ACCEPTED = "Souk accepts Keras .h5 and .keras files, and TensorFlow.js models (model.json with its shards) as one zip or tar.gz.";
function sniffContainer(source) {
  const head = source.read(0, SNIFF_BYTES);
  if (head.length === 0) refuseImport("CORRUPT_ARTIFACT", null, "The file is empty.");
  if (head.subarray(0, 8).equals(HDF5_MAGIC)) return "HDF5";
  if (startsWith(head, "PK")) return "ZIP";
  if (startsWith(head, "PK")) refuseImport("CORRUPT_ARTIFACT", null, "The zip archive is empty.");
  if (head[0] === 31 && head[1] === 139) return "GZIP";
  if (head.toString("latin1", 257, 262) === "ustar") return "TAR";
  if (/^\s*\{/.test(head.toString("latin1", 0, 64))) refuseJson(source);
  return refuseImport("UNSUPPORTED_FORMAT", null, `The file is ${describeForeign(head)}. ${ACCEPTED}`);
}
function refuseJson(source) {
  const text = source.read(0, 1 << 20).toString("utf8");
  if (text.includes('"modelTopology"') || text.includes('"weightsManifest"')) {
    refuseImport(
      "UNSUPPORTED_FORMAT",
      "model.json",
      "The file is a TensorFlow.js model.json without its weight shards. Pack model.json together with its .bin files into one zip or tar.gz and upload that."
    );
  }
  const whole = source.size <= 1 << 20 ? parseJson(text, "The file") : null;
  const isKerasConfig = isObject(whole) && own(whole, "class_name") !== void 0;
  return refuseImport(
    "UNSUPPORTED_FORMAT",
    null,
    isKerasConfig ? 'The file is a Keras architecture in JSON without weights. Save the whole model with model.save("model.keras").' : `The file is a JSON document that is not a model. ${ACCEPTED}`
  );
}
const OTHER_ARCHIVE = "which is not unpacked here; pack the files as zip or tar.gz";
const FOREIGN_MAGICS = [
  ["Rar!", `a RAR archive, ${OTHER_ARCHIVE}`],
  ["7z\xBC\xAF'", `a 7-Zip archive, ${OTHER_ARCHIVE}`],
  ["BZh", `compressed with bzip2, ${OTHER_ARCHIVE}`],
  ["\xFD7zXZ\0", `compressed with xz, ${OTHER_ARCHIVE}`],
  ["(\xB5/\xFD", `compressed with zstd, ${OTHER_ARCHIVE}`],
  ["\x89PNG", "a PNG picture, not a model"],
  ["\xFF\xD8\xFF", "a JPEG picture, not a model"],
  ["%PDF", "a PDF document, not a model"],
  [
    "version https://git-lfs.github.com/",
    "a Git LFS pointer: it names the model and does not hold it; fetch the file itself with git lfs pull"
  ],
  ["<!doctype html", "a web page, perhaps an error page of the site that the model was to come from"],
  ["<!DOCTYPE html", "a web page, perhaps an error page of the site that the model was to come from"],
  ["<html", "a web page, perhaps an error page of the site that the model was to come from"]
];
function describeForeign(head) {
  if (head[0] === 128 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) {
    return "a Python pickle, which is a program and is never loaded; export the model from its framework instead";
  }
  if (startsWith(head, "\x93NUMPY")) return "a NumPy array; a model needs its architecture too";
  if (head.toString("latin1", 4, 8) === "TFL3")
    return "a TensorFlow Lite model; save the Keras model it came from";
  if (startsWith(head, "GGUF")) return "a GGUF language model";
  if (head.length > 9 && head.readBigUInt64LE(0) < 1n << 27n && head[8] === 123) {
    return "a safetensors file: weights without an architecture; save the whole model from its framework";
  }
  if (head[0] === 8 && head[1] === 1 && head[2] === 18) {
    return "the saved_model.pb of a TensorFlow SavedModel; convert the model to Keras or TensorFlow.js";
  }
  if (head[0] === 8 && (head[1] ?? 0) >= 3 && (head[1] ?? 0) <= 20 && ((head[2] ?? 0) & 7) === 2) {
    return "an ONNX model; convert the model to Keras or TensorFlow.js";
  }
  if (head[0] === 10 && head.includes("Placeholder")) {
    return "a frozen TensorFlow graph; convert it with tensorflowjs_converter";
  }
  const known = FOREIGN_MAGICS.find(([magic]) => startsWith(head, magic));
  if (known !== void 0) return known[1];
  const text = head.subarray(0, 512);
  if (!text.includes(0) && !/[^\t\n\r\x20-\x7e\x80-\xff]/.test(text.toString("latin1")))
    return "plain text, not a model";
  return `of no known model format (it begins with ${head.subarray(0, 8).toString("hex")})`;
}
function sniffArchive(names, isModelJson) {
  const has = (name) => names.includes(name);
  if (has("config.json") && has("model.weights.h5")) return { kind: "KERAS_V3" };
  if (has("config.json") && (has("model.weights.json") || names.some((n) => /^model_\d+\.weights\.h5$/.test(n)))) {
    refuseImport(
      "UNSUPPORTED_FORMAT",
      "model.weights.json",
      "The .keras file keeps its weights in shards; save it again without max_shard_size."
    );
  }
  const exact = names.filter((name) => baseName(name) === "model.json");
  const named = exact.length > 0 ? exact : names.filter((name) => lowerBaseName(name) === "model.json");
  const candidates = named.length > 0 ? named : names.filter((n) => /\.json$/i.test(n)).slice(0, 16).filter(isModelJson);
  if (candidates.length > 1) {
    refuseImport(
      "UNSUPPORTED_FORMAT",
      candidates[1] ?? null,
      `The archive holds several models (${candidates.slice(0, 3).map((n) => `"${n}"`).join(", ")}); upload one at a time.`
    );
  }
  const modelJson = candidates[0];
  if (modelJson !== void 0) {
    return {
      kind: "TFJS",
      modelJson,
      base: modelJson.slice(0, modelJson.length - baseName(modelJson).length)
    };
  }
  return refuseArchive(names);
}
function refuseArchive(names) {
  const find = (test) => names.find(test) ?? null;
  const say = (subject, message) => refuseImport("UNSUPPORTED_FORMAT", subject, message);
  const savedModel = find((name) => lowerBaseName(name) === "saved_model.pb");
  if (savedModel !== null) {
    say(
      savedModel,
      "The archive is a TensorFlow SavedModel, which Souk does not read yet; upload the model as .keras, .h5 or TensorFlow.js."
    );
  }
  const onnx = find((name) => /\.onnx$/i.test(name));
  if (onnx !== null)
    say(
      onnx,
      "The archive holds an ONNX model, which Souk does not read yet; convert it to Keras or TensorFlow.js."
    );
  const torch = find((name) => baseName(name) === "data.pkl" || baseName(name) === "constants.pkl");
  if (torch !== null) {
    say(
      torch,
      "The archive is a PyTorch file: a Python pickle, which is a program and is never loaded. Convert the model to Keras or TensorFlow.js."
    );
  }
  const inner = find((name) => /\.(h5|hdf5|keras)$/i.test(name) && !/\.weights\.h5$/i.test(name));
  if (inner !== null) say(inner, `The archive holds "${inner}"; upload that file itself.`);
  const config = find((name) => lowerBaseName(name) === "config.json");
  if (config !== null && find((name) => lowerBaseName(name) === "metadata.json") !== null) {
    say(
      config,
      'The archive is a .keras file without "config.json" and "model.weights.h5" beside each other under these names. Save the whole model again with model.save("model.keras").'
    );
  }
  const tensors = find((name) => /\.(safetensors|npy|npz|weights\.h5)$/i.test(name));
  if (tensors !== null) {
    say(
      tensors,
      `The archive holds weights ("${tensors}") without an architecture that Souk reads. ${ACCEPTED}`
    );
  }
  const shard = find((name) => /shard\d+of\d+(\.bin)?$/i.test(name));
  if (shard !== null) {
    say(shard, `The archive holds weight shards ("${shard}") without their model.json; pack both together.`);
  }
  const listed = names.slice(0, 5).map((name) => `"${name}"`).join(", ");
  return refuseImport(
    "UNSUPPORTED_FORMAT",
    null,
    `The archive holds no model (${names.length === 0 ? "it has no files" : `files: ${listed}`}). ${ACCEPTED}`
  );
}
function baseName(name) {
  return name.slice(name.lastIndexOf("/") + 1);
}
function lowerBaseName(name) {
  return baseName(name).toLowerCase();
}
function startsWith(head, magic) {
  return head.toString("latin1", 0, magic.length) === magic;
}
export {
  sniffArchive,
  sniffContainer
};
//# sourceMappingURL=sniff.js.map
