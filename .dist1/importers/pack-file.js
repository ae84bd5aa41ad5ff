import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodePackHeader } from "../inference/index.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
const PACK_FILE_NAME = "model.pack";
const WEIGHTS_FILE_NAME = "weights.bin";
const COPY_BYTES = 4 * 1024 * 1024;
function writeWeights(workDirectory, weights, onProgress) {
  const total = weights.reduce((sum, block) => sum + block.byteLength, 0);
  if (total > IMPORT_LIMITS.maxWeightBytes) {
    refuseImport(
      "LIMIT_EXCEEDED",
      null,
      `The weights take ${total} bytes; at most ${IMPORT_LIMITS.maxWeightBytes} are accepted.`
    );
  }
  const fd = openSync(join(workDirectory, WEIGHTS_FILE_NAME), "wx", 384);
  try {
    let written = 0;
    for (const block of weights) {
      const bytes = block.read();
      if (bytes.length !== block.byteLength) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          block.spec.name,
          `"${block.spec.name}" has ${bytes.length} bytes of values instead of ${block.byteLength}.`
        );
      }
      writeAll(fd, bytes);
      written += bytes.length;
      onProgress(total === 0 ? 1 : written / total);
    }
    return written;
  } finally {
    closeSync(fd);
  }
}
function packInMemory(workDirectory, header) {
  return Buffer.concat([encodePackHeader(header), readFileSync(join(workDirectory, WEIGHTS_FILE_NAME))]);
}
function writePack(workDirectory, header) {
  const path = join(workDirectory, PACK_FILE_NAME);
  const weightsPath = join(workDirectory, WEIGHTS_FILE_NAME);
  const hash = createHash("sha256");
  const target = openSync(path, "wx", 384);
  const source = openSync(weightsPath, "r");
  try {
    const head = encodePackHeader(header);
    hash.update(head);
    writeAll(target, head);
    const piece = Buffer.allocUnsafe(COPY_BYTES);
    for (let count = readSync(source, piece); count > 0; count = readSync(source, piece)) {
      const bytes = piece.subarray(0, count);
      hash.update(bytes);
      writeAll(target, bytes);
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
  rmSync(weightsPath);
  return { path, bytes: statSync(path).size, digest: hash.digest("hex") };
}
function writeAll(fd, bytes) {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}
export {
  PACK_FILE_NAME,
  packInMemory,
  writePack,
  writeWeights
};
//# sourceMappingURL=pack-file.js.map
