function overloaded(retryAfterMs, full) {
  const whose = full === "queue" ? "The queue of predictions" : "Your queue of predictions";
  return {
    code: "OVERLOADED",
    message: `${whose} is full; there should be room in about ${retryAfterMs} ms.`,
    retryAfterMs
  };
}
function stopping(retryAfterMs) {
  return {
    code: "OVERLOADED",
    message: "The inference pool is stopping and takes no new work.",
    retryAfterMs
  };
}
function deadlineExceeded(timeoutMs, where) {
  const state = where === "queued" ? "It was still waiting for a worker" : "It was still running";
  return {
    code: "DEADLINE_EXCEEDED",
    message: `The prediction did not finish within ${timeoutMs} ms. ${state}.`
  };
}
function cancelled() {
  return { code: "CANCELLED", message: "The prediction was cancelled by its caller." };
}
function workerLost(reason) {
  return { code: "WORKER_LOST", message: `The worker that ran the prediction was lost: ${reason}.` };
}
function loadFailed(message) {
  return { code: "LOAD_FAILED", message };
}
function runtimeUnavailable(runtime, reason) {
  return {
    code: "LOAD_FAILED",
    message: `The model needs the ${runtime} engine, which is not available here: ${reason}`
  };
}
function quarantined(crashes, untilMs, reason) {
  const until = new Date(untilMs).toISOString();
  return {
    code: "LOAD_FAILED",
    message: `The model is set aside until ${until}: workers crashed ${crashes} times while running it, last because ${reason}.`
  };
}
export {
  cancelled,
  deadlineExceeded,
  loadFailed,
  overloaded,
  quarantined,
  runtimeUnavailable,
  stopping,
  workerLost
};
//# sourceMappingURL=errors.js.map
