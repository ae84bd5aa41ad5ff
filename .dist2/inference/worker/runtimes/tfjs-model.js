import { createRequire } from "node:module";
import { decodePack } from "../../pack.js";
import { decodeBytesElements, encodeBytesElements, ownBuffer, toBytes, toTypedArray } from "../../tensors.js";
import { createGraphProgram } from "./graph-program.js";
import { createLayersProgram } from "./layers-program.js";
import { ModelLoadError } from "./runtime.js";
const requireFromHere = createRequire(import.meta.url);
function requireTfjs() {
  const tf = requireFromHere("@tensorflow/tfjs");
  tf.enableProdMode();
  return tf;
}
function engineMemory(tf) {
  const { numTensors, numBytes } = tf.engine().state;
  return { tensors: numTensors, bytes: numBytes };
}
async function useBackend(host) {
  if (host.tf.getBackend() === host.backend) return;
  if (!await host.tf.setBackend(host.backend)) {
    throw new Error(`The ${host.backend} backend could not be made current.`);
  }
}
const DTYPES = {
  FP32: "float32",
  INT32: "int32",
  BOOL: "bool",
  BYTES: "string"
};
async function loadTfjsModel(host, pack) {
  const decoded = decodePack(pack);
  if (!decoded.ok) throw new ModelLoadError(decoded.error.message);
  const { header, weights } = decoded.value;
  checkSignature(header);
  await useBackend(host);
  const before = engineMemory(host.tf);
  const program = await createProgram(host.tf, header, weights);
  const bytes = engineMemory(host.tf).bytes - before.bytes;
  const ownedData = new Set(program.weights.map((weight) => weight.dataId));
  let disposed = false;
  return Object.freeze({
    bytes,
    async run(inputs) {
      await useBackend(host);
      const engine = host.tf.engine();
      engine.startScope("run");
      try {
        const given = header.signature.inputs.map((spec, at) => toTf(host.tf, inputs[at], spec.name));
        const made = await program.run(given);
        const shared = /* @__PURE__ */ new Set([...ownedData, ...given.map((tensor) => tensor.dataId)]);
        return header.signature.outputs.map((spec, at) => {
          const tensor = made[at];
          if (tensor === void 0) throw new Error(`The model gave no output ${spec.name}.`);
          return fromTf(host.tf, tensor, spec.name, spec.datatype, shared.has(tensor.dataId));
        });
      } finally {
        engine.endScope();
      }
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      program.dispose();
    }
  });
}
async function createProgram(tf, header, weights) {
  const engine = tf.engine();
  const variablesBefore = new Set(Object.values(engine.registeredVariables));
  engine.startScope("load");
  try {
    const program = header.kind === "tfjs-layers" ? await createLayersProgram(tf, header, weights) : await createGraphProgram(tf, header, weights);
    for (const weight of program.weights) tf.keep(weight);
    return program;
  } catch (error) {
    for (const variable of Object.values(engine.registeredVariables)) {
      if (!variablesBefore.has(variable)) variable.dispose();
    }
    throw error;
  } finally {
    engine.endScope();
  }
}
function checkSignature(header) {
  const { inputs, outputs } = header.signature;
  for (const spec of [...inputs, ...outputs]) {
    if (DTYPES[spec.datatype] === void 0) {
      throw new ModelLoadError(
        `Tensor ${spec.name} is ${spec.datatype}; the tfjs engines know FP32, INT32, BOOL and BYTES.`
      );
    }
  }
  if (header.inputNodes.length !== inputs.length || header.outputNodes.length !== outputs.length) {
    throw new ModelLoadError("The pack names another number of tensors than its signature.");
  }
}
function toTf(tf, tensor, name) {
  if (tensor === void 0) throw new Error(`Input ${name} is missing.`);
  const shape = [...tensor.shape];
  switch (tensor.datatype) {
    case "FP32":
      return tf.tensor(toTypedArray("FP32", tensor.data), shape, "float32");
    case "INT32":
      return tf.tensor(toTypedArray("INT32", tensor.data), shape, "int32");
    case "BOOL":
      return tf.tensor(toTypedArray("BOOL", tensor.data), shape, "bool");
    case "BYTES":
      return tf.tensor(decodeBytesElements(tensor.data), shape, "string");
    default:
      throw new Error(
        `Input ${name} is ${tensor.datatype}; the tfjs engines know FP32, INT32, BOOL and BYTES.`
      );
  }
}
function fromTf(tf, tensor, name, declared, isShared) {
  const { shape } = tensor;
  if (tensor.dtype === "string") {
    if (declared !== "BYTES") throw new Error(wrongType(name, "string", declared));
    const elements = tf.engine().readSync(tensor.dataId);
    return { name, datatype: "BYTES", shape, data: encodeBytesElements(elements) };
  }
  const values = widen(tensor.dataSync(), tensor.dtype, declared, name);
  const data = toBytes(values);
  return {
    name,
    datatype: declared,
    shape,
    data: new Uint8Array(isShared ? data.slice().buffer : ownBuffer(data))
  };
}
function widen(values, dtype, declared, name) {
  if (DTYPES[declared] === dtype) return values;
  if (declared === "FP32" && (dtype === "int32" || dtype === "bool")) return Float32Array.from(values);
  if (declared === "INT32" && dtype === "bool") return Int32Array.from(values);
  throw new Error(wrongType(name, dtype, declared));
}
function wrongType(name, found, declared) {
  return `Output ${name} came as ${found}; the signature says ${declared}.`;
}
export {
  engineMemory,
  loadTfjsModel,
  requireFromHere,
  requireTfjs
};
//# sourceMappingURL=tfjs-model.js.map
