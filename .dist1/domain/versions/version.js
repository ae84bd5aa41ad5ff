function artifactPath(version) {
  return `/artifacts/${version.id}`;
}
const ZIP_START = "PK";
const GZIP_START = "\x8B";
function artifactFileName(owner, model, version, firstBytes) {
  const safe = `${owner}-${model}`.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  return `${safe}-v${version.number}.${extensionOf(version.format, firstBytes)}`;
}
function extensionOf(format, firstBytes) {
  if (format === "KERAS_H5") return "h5";
  if (format === "KERAS_V3") return "keras";
  const start = Buffer.from(firstBytes.subarray(0, 2)).toString("latin1");
  if (start === ZIP_START) return "zip";
  return start === GZIP_START ? "tar.gz" : "tar";
}
export {
  artifactFileName,
  artifactPath
};
//# sourceMappingURL=version.js.map
