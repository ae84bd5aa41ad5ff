import { ok, refuse, type Result } from '../../lib/result.js';
import { checkEmail, type InvalidCredentials } from '../tenants/index.js';
import type { Caller, IdentityParts } from './deps.js';
import { rateLimited, signInFailed, type RateLimited } from './errors.js';
import { isImpossiblePassword } from './passwords.js';
import { startSession } from './sessions.js';
import * as users from './user-store.js';
import type { SessionTokens, User } from './user.js';

export interface SignInInput {
  readonly email: string;
  readonly password: string;
}

export interface SignedIn {
  readonly session: SessionTokens;
  readonly user: User;
}

// An id that nobody has: unknown addresses walk the same way, with the same queries and the same hashing.
const NOBODY = 'usr_00000000000000000000000000';

/** Starts a session for an address and its password. */
export async function signIn(
  parts: IdentityParts,
  caller: Caller,
  input: SignInInput,
): Promise<Result<SignedIn, InvalidCredentials | RateLimited>> {
  const { database, audit, passwords, attempts } = parts;
  const checked = checkEmail(input.email, 'email');
  // Nobody can have such an address or password, so the quick answer tells nothing; but it counts.
  const isImpossible = !checked.ok || isImpossiblePassword(input.password);
  const attempt = {
    clientAddress: caller.clientAddress,
    ...(checked.ok ? { email: checked.value } : {}),
  };
  const retryAfterMs = attempts.admit(attempt);
  if (retryAfterMs > 0) return refuse(rateLimited(retryAfterMs));
  if (isImpossible || !checked.ok) return refuse(signInFailed());

  const email = checked.value;
  const user = await database.transaction({ proof: email }, (tx) =>
    users.findUserByEmailAcrossTenants(tx, email),
  );
  const userId = user?.id ?? NOBODY;
  const { passwordHash, homeTenantId } = await database.transaction({ userId }, (tx) =>
    users.findSignIn(tx, userId),
  );
  const verified = await passwords.verify(passwordHash, input.password);
  if (!verified.ok) {
    // Nothing was guessed: we had no time to look.
    attempts.forgive(attempt);
    return verified;
  }
  if (user === null || !verified.value) return refuse(signInFailed());

  attempts.forgive(attempt);
  const session = await database.transaction({ userId, tenantId: homeTenantId ?? undefined }, async (tx) => {
    const started = await startSession(parts, tx, userId);
    if (homeTenantId !== null) {
      await audit.record(
        tx,
        { tenantId: homeTenantId, userId, requestId: caller.requestId },
        { action: 'signIn', subjectId: started.sessionId, details: {} },
      );
    }
    return started;
  });
  return ok({ session, user });
}
