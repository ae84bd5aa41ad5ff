import { openSync } from "node:fs";
import { readTar } from "./archive-tar.js";
import { readZip } from "./archive-zip.js";
import { fileSource } from "./byte-source.js";
import { readKerasH5 } from "./keras-h5.js";
import { readKerasZip } from "./keras-zip.js";
import { sniffArchive, sniffContainer } from "./sniff.js";
import { isTfjsModelJson, readTfjs } from "./tfjs.js";
async function readArtifact(artifactPath, workDirectory, onContainerRead) {
  const fd = openSync(artifactPath, "r");
  const source = fileSource(fd);
  const container = sniffContainer(source);
  if (container === "HDF5") {
    onContainerRead();
    return readKerasH5(source);
  }
  const archive = container === "ZIP" ? await readZip(fd, source.size, workDirectory) : await readTar(fd, source.size, container === "GZIP", workDirectory);
  onContainerRead();
  const content = sniffArchive([...archive.files.keys()], (name) => isTfjsModelJson(archive, name));
  return content.kind === "KERAS_V3" ? readKerasZip(archive) : readTfjs(archive, content.modelJson, content.base);
}
export {
  readArtifact
};
//# sourceMappingURL=read-artifact.js.map
