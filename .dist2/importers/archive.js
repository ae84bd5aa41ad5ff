import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { canonicalName, commonFolder, entryNameProblem, isClutter } from "./archive-names.js";
import { bufferSource, fileSource } from "./byte-source.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
function createArchiveBuilder(packedBytes, workDirectory) {
  const files = /* @__PURE__ */ new Map();
  const seen = /* @__PURE__ */ new Set();
  const allowance = Math.min(
    IMPORT_LIMITS.maxUnpackedBytes,
    Math.max(IMPORT_LIMITS.expansionFloorBytes, packedBytes * IMPORT_LIMITS.maxExpansion)
  );
  let unpacked = 0;
  let entries = 0;
  function count(bytes, name) {
    unpacked += bytes;
    if (unpacked > allowance) {
      refuseImport(
        "LIMIT_EXCEEDED",
        name,
        `The archive of ${packedBytes} bytes unpacks to more than ${allowance} bytes (reached in "${name}"); at most ${IMPORT_LIMITS.maxExpansion} times its size and ${IMPORT_LIMITS.maxUnpackedBytes} bytes are unpacked.`
      );
    }
  }
  return {
    admit(rawName) {
      if (++entries > IMPORT_LIMITS.maxArchiveEntries) {
        refuseImport(
          "LIMIT_EXCEEDED",
          null,
          `The archive has more than ${IMPORT_LIMITS.maxArchiveEntries} entries.`
        );
      }
      const name = canonicalName(rawName);
      const problem = entryNameProblem(name);
      if (problem !== null) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          rawName,
          `The archive has a file name that ${problem}: "${rawName}".`
        );
      }
      if (seen.has(name)) {
        refuseImport("CORRUPT_ARTIFACT", name, `The archive has two entries named "${name}".`);
      }
      seen.add(name);
      return isClutter(name) ? null : name;
    },
    async store(name, chunks, sizeHint) {
      if (sizeHint > IMPORT_LIMITS.memoryEntryBytes) {
        files.set(
          name,
          await spill(join(workDirectory, `entry-${files.size}`), chunks, (bytes) => count(bytes, name))
        );
        return;
      }
      const parts = [];
      for await (const chunk of chunks) {
        count(chunk.length, name);
        parts.push(chunk);
      }
      files.set(name, bufferSource(Buffer.concat(parts)));
    },
    finish() {
      const prefix = commonFolder([...files.keys()]);
      return { files: new Map([...files].map(([name, source]) => [name.slice(prefix.length), source])) };
    }
  };
}
async function spill(path, chunks, count) {
  const writer = openSync(path, "wx", 384);
  try {
    for await (const chunk of chunks) {
      count(chunk.length);
      for (let written = 0; written < chunk.length; ) written += writeSync(writer, chunk, written);
    }
  } finally {
    closeSync(writer);
  }
  return fileSource(openSync(path, "r"));
}
export {
  createArchiveBuilder
};
//# sourceMappingURL=archive.js.map
