function invalidInput(path, message) {
  return { code: "INVALID_INPUT", message, path };
}
function deadlineExceeded(timeoutMs) {
  return {
    code: "DEADLINE_EXCEEDED",
    message: `The prediction did not finish within its timeout of ${timeoutMs} ms. Nothing was charged.`
  };
}
function predictionFailed(reason, retryable) {
  return { code: "PREDICTION_FAILED", message: `${reason} Nothing was charged.`, retryable };
}
function callerGone() {
  return predictionFailed("The connection was closed before the prediction finished.", true);
}
function idempotencyMismatch() {
  return {
    code: "IDEMPOTENCY_MISMATCH",
    message: "This idempotency key was used before with another request. Use a new key for a new request.",
    path: ["idempotencyKey"]
  };
}
function fromInferenceRefusal(refusal, timeoutMs) {
  switch (refusal.code) {
    case "OVERLOADED":
      return { code: "OVERLOADED", message: refusal.message, retryAfterMs: Math.ceil(refusal.retryAfterMs) };
    case "DEADLINE_EXCEEDED":
      return deadlineExceeded(timeoutMs);
    case "CANCELLED":
      return callerGone();
    case "WORKER_LOST":
      return predictionFailed("The worker that ran the model stopped unexpectedly.", true);
    case "LOAD_FAILED":
      return predictionFailed(`The model could not be loaded: ${refusal.message}`, false);
    case "RUNTIME_FAILED":
      return predictionFailed(`The model failed on these inputs: ${refusal.message}`, false);
  }
}
export {
  callerGone,
  deadlineExceeded,
  fromInferenceRefusal,
  idempotencyMismatch,
  invalidInput,
  predictionFailed
};
//# sourceMappingURL=errors.js.map
