function builtEntry(importMetaUrl, relative) {
  const entry = new URL(relative, importMetaUrl);
  if (!importMetaUrl.endsWith(".ts")) return entry;
  const at = entry.pathname.lastIndexOf("/src/");
  entry.pathname = `${entry.pathname.slice(0, at)}/dist/${entry.pathname.slice(at + "/src/".length)}`;
  return entry;
}
export {
  builtEntry
};
//# sourceMappingURL=built-entry.js.map
