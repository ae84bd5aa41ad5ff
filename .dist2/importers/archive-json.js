import { parseJson } from "./json.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
function readJsonFile(archive, name) {
  const source = archive.files.get(name);
  if (source === void 0) return refuseImport("CORRUPT_ARTIFACT", name, `The archive holds no ${name}.`);
  if (source.size > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      "LIMIT_EXCEEDED",
      name,
      `${name} has ${source.size} bytes; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`
    );
  }
  return parseJson(source.read(0, source.size).toString("utf8"), name);
}
export {
  readJsonFile
};
//# sourceMappingURL=archive-json.js.map
