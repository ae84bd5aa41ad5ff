function versionKeyOf({ digest, runtime }) {
  return `${runtime}:${digest}`;
}
export {
  versionKeyOf
};
//# sourceMappingURL=version-key.js.map
