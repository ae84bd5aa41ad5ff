import { ok, refuse } from "../../lib/result.js";
import { checkEmail } from "../tenants/index.js";
import { rateLimited, signInFailed } from "./errors.js";
import { isImpossiblePassword } from "./passwords.js";
import { startSession } from "./sessions.js";
import * as users from "./user-store.js";
const NOBODY = "usr_00000000000000000000000000";
async function signIn(parts, caller, input) {
  const { database, audit, passwords, attempts } = parts;
  const checked = checkEmail(input.email, "email");
  const isImpossible = !checked.ok || isImpossiblePassword(input.password);
  const attempt = {
    clientAddress: caller.clientAddress,
    ...checked.ok ? { email: checked.value } : {}
  };
  const retryAfterMs = attempts.admit(attempt);
  if (retryAfterMs > 0) return refuse(rateLimited(retryAfterMs));
  if (isImpossible || !checked.ok) return refuse(signInFailed());
  const email = checked.value;
  const user = await database.transaction(
    { proof: email },
    (tx) => users.findUserByEmailAcrossTenants(tx, email)
  );
  const userId = user?.id ?? NOBODY;
  const { passwordHash, homeTenantId } = await database.transaction(
    { userId },
    (tx) => users.findSignIn(tx, userId)
  );
  const verified = await passwords.verify(passwordHash, input.password);
  if (!verified.ok) {
    attempts.forgive(attempt);
    return verified;
  }
  if (user === null || !verified.value) return refuse(signInFailed());
  attempts.forgive(attempt);
  const session = await database.transaction({ userId, tenantId: homeTenantId ?? void 0 }, async (tx) => {
    const started = await startSession(parts, tx, userId);
    if (homeTenantId !== null) {
      await audit.record(
        tx,
        { tenantId: homeTenantId, userId, requestId: caller.requestId },
        { action: "signIn", subjectId: started.sessionId, details: {} }
      );
    }
    return started;
  });
  return ok({ session, user });
}
export {
  signIn
};
//# sourceMappingURL=sign-in.js.map
