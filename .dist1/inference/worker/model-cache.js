import { ok, refuse } from "../../lib/result.js";
import { elementCount } from "../../lib/tensor.js";
import { decodePack } from "../pack.js";
import { flattenError } from "./flatten-error.js";
import { isFatalEngineError } from "./runtimes/index.js";
function keyOf(artifact) {
  return `${artifact.runtime}:${artifact.digest}`;
}
function createModelCache(deps) {
  const models = /* @__PURE__ */ new Map();
  const residentBytes = () => {
    let bytes = 0;
    for (const { resident } of models.values()) bytes += resident.bytes;
    return bytes;
  };
  const drop = (key) => {
    const entry = models.get(key);
    if (entry === void 0) return;
    models.delete(key);
    entry.model.dispose();
  };
  const makeRoomFor = (bytes) => {
    for (const key of models.keys()) {
      if (residentBytes() + bytes <= deps.budgetBytes) return;
      drop(key);
    }
  };
  const announce = () => {
    deps.onChange([...models.values()].map(({ resident }) => resident));
  };
  return Object.freeze({
    find(artifact) {
      const key = keyOf(artifact);
      const entry = models.get(key);
      if (entry === void 0) return null;
      models.delete(key);
      models.set(key, entry);
      return entry.model;
    },
    async load(artifact) {
      const pack = await deps.read(artifact);
      if (!pack.ok) return pack;
      const expected = expectedBytes(pack.value);
      if (expected > deps.budgetBytes) return refuse(tooLarge(expected, deps.budgetBytes));
      makeRoomFor(expected);
      let model;
      try {
        model = await deps.load(artifact, pack.value);
      } catch (error) {
        announce();
        if (isFatalEngineError(error)) throw error;
        return refuse({ code: "LOAD_FAILED", message: `The model cannot be loaded: ${flattenError(error)}` });
      }
      if (model.bytes > deps.budgetBytes) {
        model.dispose();
        announce();
        return refuse(tooLarge(model.bytes, deps.budgetBytes));
      }
      makeRoomFor(model.bytes);
      const { digest, runtime } = artifact;
      models.set(keyOf(artifact), { resident: { digest, runtime, bytes: model.bytes }, model });
      announce();
      return ok(model);
    },
    evict(digest) {
      const keys = [...models].filter(([, { resident }]) => resident.digest === digest).map(([key]) => key);
      for (const key of keys) drop(key);
      if (keys.length > 0) announce();
    },
    clear() {
      for (const key of [...models.keys()]) drop(key);
      announce();
    }
  });
}
function tooLarge(bytes, budgetBytes) {
  return {
    code: "LOAD_FAILED",
    message: `The model needs ${bytes} bytes of memory; a worker may hold ${budgetBytes}.`
  };
}
function expectedBytes(pack) {
  const decoded = decodePack(pack);
  if (!decoded.ok) return 0;
  return decoded.value.header.weightSpecs.reduce(
    (sum, spec) => sum + elementCount(spec.shape) * (spec.dtype === "bool" ? 1 : 4),
    0
  );
}
export {
  createModelCache
};
//# sourceMappingURL=model-cache.js.map
