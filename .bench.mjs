// ../../../tmp/pool/bench.ts
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as join2 } from "node:path";

// test/support/make-pack.ts
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// src/inference/pack.ts
var MAGIC = "SOUKPK01";
var PREFIX_BYTES = 12;
var ALIGNMENT = 8;
function encodePackHeader(header) {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const total = Math.ceil((PREFIX_BYTES + json.length) / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(total);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeUInt32LE(json.length, MAGIC.length);
  json.copy(bytes, PREFIX_BYTES);
  return bytes;
}

// src/lib/tensor.ts
function hasBatchDimension(signature) {
  return [...signature.inputs, ...signature.outputs].every((spec) => spec.shape[0] === -1);
}

// src/inference/deadline-timer.ts
var MAX_TIMER_MS = 2 ** 31 - 1;

// src/inference/warm-inputs.ts
var MAX_BYTES = 64 * 2 ** 20;

// src/inference/dispatcher.ts
var MAX_BATCH_BYTES = 64 * 2 ** 20;

// src/lib/clock.ts
var systemClock = Object.freeze({
  now: () => /* @__PURE__ */ new Date(),
  monotonicMs: () => performance.now()
});

// src/inference/engine-options.ts
var MEBIBYTE = 2 ** 20;
var DEFAULT_QUEUE = {
  maxQueued: 1024,
  maxQueuedPerKey: 256,
  maxQueuedBytes: 512 * MEBIBYTE,
  maxQueuedBytesPerKey: 256 * MEBIBYTE
};
var DEFAULT_QUARANTINE = { crashes: 3, windowMs: 6e4, quarantineMs: 5 * 6e4 };
var DEFAULT_HEAP_BYTES = 1024 * MEBIBYTE;

// src/inference/thread-channel.ts
var BYTES_PER_MEBIBYTE = 2 ** 20;

// test/support/make-pack.ts
var require2 = createRequire(import.meta.url);
var tf = require2("@tensorflow/tfjs");
function packOf(header, weights) {
  const bytes = Buffer.concat([encodePackHeader(header), weights]);
  return { bytes, digest: createHash("sha256").update(bytes).digest("hex"), signature: header.signature };
}
function artifactIn(directory, pack2, runtime2) {
  const path = join(directory, `${pack2.digest}.pack`);
  writeFileSync(path, pack2.bytes);
  return { digest: pack2.digest, path, runtime: runtime2, batchable: hasBatchDimension(pack2.signature) };
}
async function layersPack(model2) {
  let saved;
  await model2.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: /* @__PURE__ */ new Date(0), modelTopologyType: "JSON" }
      });
    })
  );
  if (saved?.weightSpecs === void 0) throw new Error("tfjs saved no weights.");
  const specs = (tensors) => tensors.map((tensor, at) => ({
    name: `${tensor.sourceLayer.name}${at === 0 ? "" : `_${at}`}`,
    datatype: "FP32",
    shape: tensor.shape.map((dimension) => dimension ?? -1)
  }));
  const header = {
    kind: "tfjs-layers",
    modelTopology: saved.modelTopology,
    weightSpecs: saved.weightSpecs,
    signature: {
      inputs: specs(model2.inputs),
      outputs: specs(model2.outputs)
    },
    inputNodes: model2.inputs.map((tensor) => tensor.sourceLayer.name),
    outputNodes: model2.outputs.map((tensor) => tensor.sourceLayer.name)
  };
  return packOf(header, new Uint8Array(saved.weightData));
}
function fp32(name, shape, values) {
  return { name, datatype: "FP32", shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

// ../../../tmp/pool/bench.ts
var dist = process.env.DIST ?? "/work/wt/pool/dist";
var { InferenceEngine: InferenceEngine2 } = await import(`${dist}/inference/index.js`);
var runtime = process.env.RT ?? "tfjs-node";
var callers = Number(process.env.CALLERS ?? 64);
var workers = Number(process.env.WORKERS ?? 1);
var seconds = Number(process.env.SECONDS ?? 4);
await tf.setBackend("cpu");
var model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [10], units: 64, activation: "relu" }), tf.layers.dense({ units: 10, activation: "softmax" })] });
var pack = await layersPack(model);
var dir = mkdtempSync(join2(tmpdir(), "pb-"));
var artifact = artifactIn(dir, pack, runtime);
var silent = new Proxy({}, { get: () => () => void 0 });
var engine = new InferenceEngine2({ logger: silent, workers, ...process.env.MAXROWS ? { maxBatchRows: Number(process.env.MAXROWS) } : {}, ...process.env.SCHED ? { scheduling: process.env.SCHED } : {} });
await engine.start();
var job = (k) => ({ artifact, signature: pack.signature, inputs: [fp32(pack.signature.inputs[0].name, [1, 10], new Float32Array(10))], rows: 1, priority: "NORMAL", weight: 1, fairnessKey: `t${k % 4}`, timeoutMs: 1e4 - Math.random() });
var done = 0;
var bad = 0;
var stop = false;
var sizes = 0;
var lat = [];
var caller = async (k) => {
  while (!stop) {
    const t = performance.now();
    const r = await engine.infer(job(k));
    lat.push(performance.now() - t);
    if (!r.ok) {
      bad++;
      if (bad < 3) console.log(r.error);
    } else {
      done++;
      sizes += r.value.batchSize;
    }
  }
};
var all = Array.from({ length: callers }, (_, k) => caller(k));
await new Promise((r) => setTimeout(r, 1e3));
done = 0;
sizes = 0;
lat.length = 0;
var t0 = performance.now();
await new Promise((r) => setTimeout(r, seconds * 1e3));
var s = (performance.now() - t0) / 1e3;
var n = done;
lat.sort((a, b) => a - b);
console.log(`${process.env.LABEL ?? ""} ${runtime} callers=${callers} workers=${workers} ${(n / s).toFixed(0)}/s bad=${bad} batch=${(sizes / n).toFixed(1)} p50=${lat[lat.length >> 1].toFixed(2)} p99=${lat[Math.floor(lat.length * 0.99)].toFixed(2)}ms`);
stop = true;
await Promise.all(all);
await engine.stop({ graceMs: 500 });
process.exit(0);
