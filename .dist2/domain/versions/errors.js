function invalidInput(message, path) {
  return { code: "INVALID_INPUT", message, path };
}
function uploadTooLarge(maxBytes) {
  return {
    code: "PAYLOAD_TOO_LARGE",
    message: `The file is larger than the ${maxBytes} bytes that this server takes.`,
    maxBytes
  };
}
function tooManyUploads(limits) {
  return {
    code: "TOO_MANY_UPLOADS",
    message: `Your tenant may have ${limits.maxPendingUploads} files with ${limits.maxPendingBytes} bytes together that are not published yet. Publish what is waiting, or wait until it expires.`
  };
}
function uploadsOverloaded() {
  return {
    code: "OVERLOADED",
    message: "This server is receiving as many files as it can. Try again in a few seconds.",
    retryAfterMs: 5e3
  };
}
function uploadNotFound() {
  return {
    code: "NOT_FOUND",
    message: "There is no such upload in your tenant; it may have expired. Send the file to /uploads first.",
    path: ["uploadId"]
  };
}
function uploadConsumed(publicationId) {
  return {
    code: "CONFLICT",
    message: `This upload is used by the publication ${publicationId}. Send the file again to publish it once more.`,
    path: ["uploadId"]
  };
}
function artifactNotFound() {
  return {
    code: "NOT_FOUND",
    message: "There is no artifact here that you could download.",
    path: ["versionId"]
  };
}
function importRefused(reason, refusal) {
  return {
    code: "IMPORT_REFUSED",
    message: refusal.message,
    path: ["uploadId"],
    reason,
    subject: refusal.subject
  };
}
export {
  artifactNotFound,
  importRefused,
  invalidInput,
  tooManyUploads,
  uploadConsumed,
  uploadNotFound,
  uploadTooLarge,
  uploadsOverloaded
};
//# sourceMappingURL=errors.js.map
