function quotaExceeded(facts) {
  const whose = facts.subject === "TENANT" ? "The tenant's plan" : "This API key";
  const running = facts.limit - facts.used;
  const rest = running > 0 ? ` and ${running} ${running === 1 ? "is" : "are"} held by running ones` : "";
  return {
    code: "QUOTA_EXCEEDED",
    message: `${whose} allows ${facts.limit} predictions per calendar month (UTC); ${facts.used} ${facts.used === 1 ? "is" : "are"} used${rest}. It resets at ${facts.resetsAt.toISOString()}.`,
    ...facts
  };
}
function tooFast(limit, retryAfterMs) {
  return {
    code: "RATE_LIMITED",
    message: `More than ${limit} predictions per minute are not admitted; send the next one in ${retryAfterMs} ms.`,
    retryAfterMs
  };
}
function tooMany(limit, retryAfterMs) {
  return {
    code: "RATE_LIMITED",
    message: `The tenant already has ${limit} predictions running, the most at one time; try again in ${retryAfterMs} ms.`,
    retryAfterMs
  };
}
function reservationLost() {
  return {
    code: "RESERVATION_LOST",
    message: "The prediction took so long that its place in the quota was given back."
  };
}
function invalid(message, path) {
  return { code: "INVALID_INPUT", message, path };
}
function tenantNotFound(path) {
  return { code: "NOT_FOUND", message: "There is no such tenant.", path };
}
function apiKeyNotFound(path) {
  return { code: "NOT_FOUND", message: "Your tenant has no such API key.", path };
}
export {
  apiKeyNotFound,
  invalid,
  quotaExceeded,
  reservationLost,
  tenantNotFound,
  tooFast,
  tooMany
};
//# sourceMappingURL=errors.js.map
