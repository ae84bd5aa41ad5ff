const DEFAULT_UPLOAD_LIMITS = Object.freeze({
  maxUploadBytes: 2 * 1024 ** 3,
  maxPendingUploads: 100,
  maxPendingBytes: 20 * 1024 ** 3,
  maxConcurrentUploads: 64,
  uploadTtlMs: 24 * 36e5
});
const NOTHING_PENDING = Object.freeze({ count: 0, bytes: 0 });
function sumOfPending(one, other) {
  return { count: one.count + other.count, bytes: one.bytes + other.bytes };
}
function roomFor(pending, limits) {
  if (pending.count >= limits.maxPendingUploads) return 0;
  return Math.max(0, Math.min(limits.maxUploadBytes, limits.maxPendingBytes - pending.bytes));
}
export {
  DEFAULT_UPLOAD_LIMITS,
  NOTHING_PENDING,
  roomFor,
  sumOfPending
};
//# sourceMappingURL=upload.js.map
