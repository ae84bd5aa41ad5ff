import { entryNameProblem, canonicalName } from "./archive-names.js";
import {
  isBuiltInName,
  isDimension,
  isObject,
  own,
  ownArray,
  ownObject,
  ownString
} from "./json.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
const ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1, complex64: 8 };
const QUANTIZED_BYTES = { uint8: 1, uint16: 2, float16: 2 };
function readManifest(archive, manifest, modelJson, base) {
  if (!Array.isArray(manifest)) {
    return refuseImport("CORRUPT_ARTIFACT", modelJson, `${modelJson} has no weightsManifest.`);
  }
  const names = /* @__PURE__ */ new Set();
  const blocks = [];
  let totalBytes = 0;
  for (const group of manifest) {
    const shards = readShards(archive, group, base);
    const available = shards.reduce((sum, shard) => sum + shard.size, 0);
    const bytes = joined(shards);
    let offset = 0;
    for (const item of ownArray(isObject(group) ? group : {}, "weights") ?? []) {
      const spec = readSpec(item, names);
      if (blocks.length >= IMPORT_LIMITS.maxTensors) {
        refuseImport(
          "LIMIT_EXCEEDED",
          spec.name,
          `The model has more than ${IMPORT_LIMITS.maxTensors} weights.`
        );
      }
      const start = offset;
      const byteLength = specBytes(spec, bytes, start, available);
      offset += byteLength;
      totalBytes += byteLength;
      if (offset > available) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          spec.name,
          `The weight "${spec.name}" of shape [${spec.shape.join(", ")}] ends at byte ${offset}, but its shards hold ${available} bytes.`
        );
      }
      if (totalBytes > IMPORT_LIMITS.maxWeightBytes) {
        refuseImport(
          "LIMIT_EXCEEDED",
          spec.name,
          `The weights take more than ${IMPORT_LIMITS.maxWeightBytes} bytes.`
        );
      }
      blocks.push({ spec, byteLength, read: () => bytes(start, byteLength) });
    }
    if (offset !== available) {
      refuseImport(
        "CORRUPT_ARTIFACT",
        shardNames(group)[0] ?? modelJson,
        `The shards ${shardNames(group).slice(0, 3).map((name) => `"${name}"`).join(", ")} hold ${available} bytes, but the manifest describes ${offset}.`
      );
    }
  }
  return blocks;
}
function shardNames(group) {
  const paths = isObject(group) ? ownArray(group, "paths") : null;
  if (paths === null || !paths.every((path) => typeof path === "string")) {
    return refuseImport(
      "CORRUPT_ARTIFACT",
      null,
      "The weights manifest has a group without a list of shard names."
    );
  }
  return paths;
}
function readShards(archive, group, base) {
  const names = shardNames(group);
  if (new Set(names).size < names.length) {
    refuseImport("CORRUPT_ARTIFACT", names[0] ?? null, "The weights manifest lists a shard twice.");
  }
  const inAnyCase = filesInAnyCase(archive);
  return names.map((name) => {
    const problem = entryNameProblem(canonicalName(name));
    if (problem !== null) {
      return refuseImport(
        "CORRUPT_ARTIFACT",
        name,
        `The weights manifest names a shard that ${problem}: "${name}".`
      );
    }
    const path = base + canonicalName(name);
    const shard = archive.files.get(path) ?? inAnyCase.get(path.toLowerCase()) ?? null;
    if (shard === null) {
      return refuseImport(
        "CORRUPT_ARTIFACT",
        name,
        `The weights manifest names the shard "${name}", which is not in the archive beside model.json.`
      );
    }
    return shard;
  });
}
function filesInAnyCase({ files }) {
  const found = /* @__PURE__ */ new Map();
  for (const [name, source] of files) {
    const key = name.toLowerCase();
    found.set(key, found.has(key) ? null : source);
  }
  return found;
}
function joined(shards) {
  return (offset, length) => {
    const target = new Uint8Array(length);
    let shardStart = 0;
    let filled = 0;
    for (const shard of shards) {
      const from = offset + filled - shardStart;
      if (filled < length && from < shard.size) {
        filled += shard.readInto(
          target.subarray(filled, filled + Math.min(length - filled, shard.size - from)),
          from
        );
      }
      shardStart += shard.size;
    }
    return target.subarray(0, filled);
  };
}
function readSpec(item, names) {
  if (!isObject(item))
    return refuseImport("CORRUPT_ARTIFACT", null, "The weights manifest has an entry that is no object.");
  const name = ownString(item, "name") ?? "";
  if (name === "" || name.length > IMPORT_LIMITS.maxNameLength) {
    refuseImport("CORRUPT_ARTIFACT", null, "The weights manifest has a weight without a usable name.");
  }
  if (names.has(name) || isBuiltInName(name)) {
    refuseImport(
      "CORRUPT_ARTIFACT",
      name,
      `The weights manifest has the name "${name}" twice, or it is not allowed.`
    );
  }
  names.add(name);
  const shape = ownArray(item, "shape");
  if (shape === null || shape.length > IMPORT_LIMITS.maxRank || !shape.every(isDimension)) {
    return refuseImport(
      "UNSUPPORTED_TENSOR",
      name,
      `The weight "${name}" has the shape ${JSON.stringify(shape ?? own(item, "shape") ?? null).slice(0, 100)}; expected at most ${IMPORT_LIMITS.maxRank} non-negative sizes.`
    );
  }
  const dtype = ownString(item, "dtype") ?? "";
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool" && dtype !== "string" && dtype !== "complex64") {
    return refuseImport(
      "UNSUPPORTED_TENSOR",
      name,
      `The weight "${name}" has the dtype "${dtype}"; float32, int32, bool, string and complex64 can be served.`
    );
  }
  const quantization = readQuantization(ownObject(item, "quantization") ?? null, name, dtype);
  return { name, shape, dtype, ...quantization === null ? {} : { quantization } };
}
function readQuantization(value, name, dtype) {
  if (value === null) return null;
  const packed = ownString(value, "dtype") ?? "";
  const scale = own(value, "scale");
  const min = own(value, "min");
  const isFinite_ = (v) => typeof v === "number" && Number.isFinite(v);
  if (packed === "float16" && dtype === "float32") return { dtype: packed };
  if ((packed === "uint8" || packed === "uint16") && (dtype === "float32" || dtype === "int32") && isFinite_(scale) && isFinite_(min)) {
    return { dtype: packed, scale, min };
  }
  return refuseImport(
    "UNSUPPORTED_TENSOR",
    name,
    `The weight "${name}" (${dtype}) is quantised as "${packed}" in a way that cannot be undone; expected float16, or uint8 or uint16 with a finite scale and min.`
  );
}
function specBytes(spec, bytes, start, available) {
  const elements = spec.shape.reduce((product, dimension) => product * dimension, 1);
  if (spec.dtype !== "string") {
    const width = spec.quantization === void 0 ? ELEMENT_BYTES[spec.dtype] : QUANTIZED_BYTES[spec.quantization.dtype];
    return elements * (width ?? 4);
  }
  let at = start;
  for (let i = 0; i < elements && at <= available; i++) {
    const length = Buffer.from(bytes(at, 4));
    at += 4 + (length.length === 4 ? length.readUInt32LE(0) : available);
  }
  return at - start;
}
export {
  readManifest
};
//# sourceMappingURL=tfjs-manifest.js.map
