import { randomBytes } from "node:crypto";
import { newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import {
  checkEmail,
  checkName,
  checkSlug,
  invalidInput,
  invitationNotValid,
  slugFrom,
  slugTaken
} from "../tenants/index.js";
import { emailTaken, rateLimited } from "./errors.js";
import { checkPassword } from "./passwords.js";
import { startSession } from "./sessions.js";
import * as users from "./user-store.js";
const SLUG_ATTEMPTS = 4;
async function signUp(parts, caller, input) {
  const { clientAddress } = caller;
  const retryAfterMs = parts.attempts.admit({ clientAddress });
  if (retryAfterMs > 0) return refuse(rateLimited(retryAfterMs));
  const checked = checkInput(parts, input);
  if (!checked.ok) return checked;
  const { email, password, invitationToken } = checked.value;
  let invitation = null;
  if (invitationToken !== null) {
    invitation = await parts.tenants.findInvitationFor(email, invitationToken);
    if (invitation === null) return refuse(invitationNotValid());
  }
  const passwordHash = await parts.passwords.hash(password);
  if (!passwordHash.ok) return passwordHash;
  const slug = checked.value.slug ?? slugFrom(checked.value.name);
  for (let attempt = 0; ; attempt++) {
    const isLast = checked.value.slug !== null || attempt >= SLUG_ATTEMPTS;
    const tried = attempt === 0 ? slug : `${slug}-${randomBytes(3).toString("hex")}`;
    const done = await createUser(parts, caller, checked.value, passwordHash.value, invitation, tried);
    const isSlugTaken = !done.ok && done.error.path?.[0] === "tenantSlug";
    if (!isSlugTaken || isLast) return done;
  }
}
async function createUser(parts, { requestId }, input, passwordHash, invitation, slug) {
  const { database, clock, audit, tenants } = parts;
  const now = clock.now();
  const { email, name } = input;
  const user = { id: newId("user", now.getTime()), name, email, createdAt: now };
  const tenantId = invitation?.tenantId ?? newId("tenant", now.getTime());
  return database.transaction(
    { userId: user.id, tenantId },
    async (tx) => {
      if (!await users.insertUser(tx, user)) return refuse(emailTaken());
      await users.insertPassword(tx, user.id, passwordHash, now);
      let tenant;
      if (invitation === null) {
        const tenantName = input.tenantName ?? slug;
        const founding = {
          tenantId,
          slug,
          name: tenantName,
          ownerUserId: user.id,
          isOperator: false
        };
        const founded = await tenants.foundTenant(tx, founding);
        if (founded === null) return refuse(slugTaken(slug, "tenantSlug"));
        tenant = founded;
      } else {
        const joined = await tenants.joinByInvitation(tx, invitation, user.id);
        if (!joined.ok) return joined;
        tenant = await tenants.getTenant(tx, tenantId);
      }
      await audit.record(
        tx,
        { tenantId, userId: user.id, requestId },
        {
          action: "signUp",
          subjectId: user.id,
          details: { tenantSlug: tenant.slug, invitationId: invitation?.id ?? null }
        }
      );
      return ok({ session: await startSession(parts, tx, user.id), user, tenant });
    }
  );
}
function checkInput({ signUpMode }, input) {
  const mistakes = [];
  function take(result) {
    if (result.ok) return result.value;
    mistakes.push(result.error);
    return null;
  }
  const email = take(checkEmail(input.email, "email"));
  const password = take(checkPassword(input.password, "password"));
  const name = take(checkName(input.name, "name"));
  const given = (value) => value !== null && value !== void 0;
  const slug = given(input.tenantSlug) ? take(checkSlug(input.tenantSlug, "tenantSlug")) : null;
  const tenantName = given(input.tenantName) ? take(checkName(input.tenantName, "tenantName")) : null;
  const invitationToken = input.invitationToken ?? null;
  if (invitationToken !== null && given(input.tenantSlug)) {
    mistakes.push(
      invalidInput("tenantSlug", "tenantSlug was given together with invitationToken; expected only one.")
    );
  }
  if (invitationToken !== null && given(input.tenantName)) {
    mistakes.push(
      invalidInput("tenantName", "tenantName was given together with invitationToken; expected only one.")
    );
  }
  if (signUpMode === "invited" && invitationToken === null) {
    mistakes.push(
      invalidInput("invitationToken", "This server admits new users by invitation only; expected a token.")
    );
  }
  if (mistakes.length > 0 || email === null || password === null || name === null) return refuse(mistakes);
  return ok({ email, password, name, slug, tenantName, invitationToken });
}
export {
  signUp
};
//# sourceMappingURL=sign-up.js.map
