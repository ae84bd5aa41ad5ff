import { permissionDenied } from "../access/index.js";
function rateLimited(retryAfterMs) {
  const rounded = Math.max(1, Math.ceil(retryAfterMs));
  return {
    code: "RATE_LIMITED",
    message: `There were too many attempts; try again in ${Math.ceil(rounded / 1e3)} s.`,
    retryAfterMs: rounded
  };
}
function passwordsBusy() {
  return {
    code: "RATE_LIMITED",
    message: "Too many people are signing in at this moment; try again in a second.",
    retryAfterMs: 1e3
  };
}
function signInFailed() {
  return { code: "INVALID_CREDENTIALS", message: "E-mail and password do not match." };
}
function refreshFailed() {
  return {
    code: "INVALID_CREDENTIALS",
    message: "The refresh token is not valid, or not any more; sign in again."
  };
}
function credentialNotValid() {
  return {
    code: "INVALID_CREDENTIALS",
    message: "The access token or API key is not valid, or not any more."
  };
}
function notYourTenant() {
  return {
    code: "INVALID_CREDENTIALS",
    message: "The Souk-Tenant header names no tenant that this credential belongs to."
  };
}
function emailTaken() {
  return {
    code: "CONFLICT",
    message: "There is a user with this e-mail address already; sign in instead.",
    path: ["email"]
  };
}
function sessionNotFound() {
  return { code: "NOT_FOUND", message: "You have no such session.", path: ["sessionId"] };
}
function apiKeyNotFound() {
  return { code: "NOT_FOUND", message: "There is no such API key in your tenant.", path: ["apiKeyId"] };
}
function keyOfSomebodyElse(actor) {
  return {
    ...permissionDenied(actor, "MEMBER_MANAGE"),
    message: "You may revoke the API keys that you made; those of others need the permission MEMBER_MANAGE."
  };
}
function budgetedKeyCannotMint(actor) {
  return {
    ...permissionDenied(actor, "API_KEY_MANAGE"),
    message: "An API key with a budget of its own cannot create keys: together they could spend more than it may."
  };
}
export {
  apiKeyNotFound,
  budgetedKeyCannotMint,
  credentialNotValid,
  emailTaken,
  keyOfSomebodyElse,
  notYourTenant,
  passwordsBusy,
  rateLimited,
  refreshFailed,
  sessionNotFound,
  signInFailed
};
//# sourceMappingURL=errors.js.map
