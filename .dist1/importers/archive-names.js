import { IMPORT_LIMITS } from "./limits.js";
function entryNameProblem(name) {
  if (name.length === 0) return "is empty";
  if (name.length > IMPORT_LIMITS.maxNameLength)
    return `is longer than ${IMPORT_LIMITS.maxNameLength} characters`;
  if (name.includes("\uFFFD")) return "is not valid UTF-8";
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return "contains a control character";
  if (name.includes("\\")) return "contains a backslash";
  if (name.startsWith("/")) return "is absolute";
  if (/^[A-Za-z]:/.test(name)) return "names a drive";
  const parts = name.split("/");
  if (parts.includes("..")) return 'leaves the archive with ".."';
  if (parts.some((part) => part === "" || part === ".")) return "has an empty step";
  return null;
}
function canonicalName(name) {
  return name.replace(/^(\.\/)+/, "").normalize("NFC");
}
function isClutter(name) {
  const parts = name.split("/");
  const last = parts.at(-1) ?? "";
  return parts[0] === "__MACOSX" || last === ".DS_Store" || last === "Thumbs.db" || last.startsWith("._");
}
function commonFolder(names) {
  let prefix = "";
  for (; ; ) {
    const slash = names[0]?.indexOf("/", prefix.length) ?? -1;
    if (slash < 0) return prefix;
    const candidate = names[0]?.slice(0, slash + 1) ?? "";
    if (!names.every((name) => name.startsWith(candidate))) return prefix;
    prefix = candidate;
  }
}
export {
  canonicalName,
  commonFolder,
  entryNameProblem,
  isClutter
};
//# sourceMappingURL=archive-names.js.map
