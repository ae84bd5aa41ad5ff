import { refuse } from "../lib/result.js";
function tooLarge(maxBytes) {
  return refuse({
    code: "TOO_LARGE",
    message: `The file is larger than the ${maxBytes} bytes that are allowed.`,
    maxBytes
  });
}
function checksumMismatch(expected, actual) {
  return refuse({
    code: "CHECKSUM_MISMATCH",
    message: `The bytes that arrived have the SHA-256 ${actual}, but ${expected} was announced. Send the file again.`,
    expected,
    actual
  });
}
function interrupted() {
  return refuse({
    code: "INTERRUPTED",
    message: "The file stopped arriving before its end. Nothing of it was kept; send it again."
  });
}
function storageFull() {
  return refuse({
    code: "STORAGE_FULL",
    message: "The artifact storage of this server is full. Nothing of the file was kept."
  });
}
function isStorageFull(error) {
  const code = error?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}
export {
  checksumMismatch,
  interrupted,
  isStorageFull,
  storageFull,
  tooLarge
};
//# sourceMappingURL=errors.js.map
