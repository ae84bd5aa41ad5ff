import { hasTenant } from "../domain/access/index.js";
import { ok, refuse } from "../lib/result.js";
import { sendError } from "./errors.js";
const STATUS_OF = {
  INVALID_INPUT: 400,
  UPLOAD_INCOMPLETE: 400,
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  PERMISSION_DENIED: 403,
  TENANT_REQUIRED: 403,
  NOT_FOUND: 404,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  CHECKSUM_MISMATCH: 422,
  RATE_LIMITED: 429,
  TOO_MANY_UPLOADS: 429,
  OVERLOADED: 503,
  STORAGE_FULL: 507
};
function sendRefusal(request, reply, refusal) {
  const { code, message } = refusal;
  const status = STATUS_OF[code] ?? 400;
  if (status === 401) void reply.header("www-authenticate", "Bearer");
  return sendError(request, reply, { status, code, message });
}
async function authenticateInTenant(authenticate, request) {
  const authenticated = await authenticate(request);
  if (!authenticated.ok) return authenticated;
  const actor = authenticated.value;
  if (actor === null) {
    return refuse({
      code: "UNAUTHENTICATED",
      message: "Send `Authorization: Bearer` with an access token or an API key."
    });
  }
  if (hasTenant(actor)) return ok(actor);
  return refuse({
    code: "TENANT_REQUIRED",
    message: "This needs a tenant: create one, accept an invitation, or name one of yours in the `Souk-Tenant` header."
  });
}
export {
  authenticateInTenant,
  sendRefusal
};
//# sourceMappingURL=refusal-reply.js.map
