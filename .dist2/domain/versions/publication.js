const PUBLICATION_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "REFUSED"];
function isFinished(publication) {
  return publication.status === "SUCCEEDED" || publication.status === "REFUSED";
}
function isAboutTheFile(code) {
  return !RETRIED_CODES.includes(code);
}
const RETRIED_CODES = [
  "IMPORT_QUEUE_FULL",
  "IMPORT_CANCELLED"
];
const MAX_ATTEMPTS = 3;
export {
  MAX_ATTEMPTS,
  PUBLICATION_STATUSES,
  isAboutTheFile,
  isFinished
};
//# sourceMappingURL=publication.js.map
