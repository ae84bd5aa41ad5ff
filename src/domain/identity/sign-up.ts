import { randomBytes } from 'node:crypto';
import { newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import {
  checkEmail,
  checkName,
  checkSlug,
  invalidInput,
  invitationNotValid,
  slugFrom,
  slugTaken,
  type Conflict,
  type Founding,
  type InvalidCredentials,
  type InvalidInput,
  type Invitation,
  type Tenant,
} from '../tenants/index.js';
import type { Caller, IdentityParts } from './deps.js';
import { emailTaken, rateLimited, type RateLimited } from './errors.js';
import { checkPassword } from './passwords.js';
import { startSession } from './sessions.js';
import * as users from './user-store.js';
import type { SessionTokens, User } from './user.js';

export interface SignUpInput {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly tenantSlug?: string | null | undefined;
  readonly tenantName?: string | null | undefined;
  readonly invitationToken?: string | null | undefined;
}

export interface SignedUp {
  readonly session: SessionTokens;
  readonly user: User;
  /** Created, or joined by the invitation. */
  readonly tenant: Tenant;
}

export type SignUpRefusal = InvalidInput | Conflict | InvalidCredentials | RateLimited;

interface CheckedInput {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  /** `null`: derive one. */
  readonly slug: string | null;
  readonly tenantName: string | null;
  readonly invitationToken: string | null;
}

// How often a derived slug is tried with another ending before giving up.
const SLUG_ATTEMPTS = 4;

/**
 * Creates a user and a tenant of the user's own, or joins the tenant of an invitation; signs the user in.
 * A taken address is said so: without sending mail there is no way to keep it secret here.
 */
export async function signUp(
  parts: IdentityParts,
  caller: Caller,
  input: SignUpInput,
): Promise<Result<SignedUp, SignUpRefusal | readonly SignUpRefusal[]>> {
  const { clientAddress } = caller;
  const retryAfterMs = parts.attempts.admit({ clientAddress });
  if (retryAfterMs > 0) return refuse(rateLimited(retryAfterMs));
  const checked = checkInput(parts, input);
  if (!checked.ok) return checked;
  const { email, password, invitationToken } = checked.value;

  let invitation: Invitation | null = null;
  if (invitationToken !== null) {
    invitation = await parts.tenants.findInvitationFor(email, invitationToken);
    if (invitation === null) return refuse(invitationNotValid());
  }
  const passwordHash = await parts.passwords.hash(password);
  if (!passwordHash.ok) return passwordHash;

  const slug = checked.value.slug ?? slugFrom(checked.value.name);
  for (let attempt = 0; ; attempt++) {
    const isLast = checked.value.slug !== null || attempt >= SLUG_ATTEMPTS;
    const tried = attempt === 0 ? slug : `${slug}-${randomBytes(3).toString('hex')}`;
    const done = await createUser(parts, caller, checked.value, passwordHash.value, invitation, tried);
    const isSlugTaken = !done.ok && done.error.path?.[0] === 'tenantSlug';
    if (!isSlugTaken || isLast) return done;
  }
}

async function createUser(
  parts: IdentityParts,
  { requestId }: Caller,
  input: CheckedInput,
  passwordHash: string,
  invitation: Invitation | null,
  slug: string,
): Promise<Result<SignedUp, Conflict | InvalidCredentials>> {
  const { database, clock, audit, tenants } = parts;
  const now = clock.now();
  const { email, name } = input;
  const user: User = { id: newId('user', now.getTime()), name, email, createdAt: now };
  const tenantId = invitation?.tenantId ?? newId('tenant', now.getTime());
  return database.transaction<Result<SignedUp, Conflict | InvalidCredentials>>(
    { userId: user.id, tenantId },
    async (tx) => {
      if (!(await users.insertUser(tx, user))) return refuse(emailTaken());
      await users.insertPassword(tx, user.id, passwordHash, now);
      let tenant: Tenant;
      if (invitation === null) {
        const tenantName = input.tenantName ?? slug;
        const founding: Founding = {
          tenantId,
          slug,
          name: tenantName,
          ownerUserId: user.id,
          isOperator: false,
        };
        const founded = await tenants.foundTenant(tx, founding);
        if (founded === null) return refuse(slugTaken(slug, 'tenantSlug'));
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
          action: 'signUp',
          subjectId: user.id,
          details: { tenantSlug: tenant.slug, invitationId: invitation?.id ?? null },
        },
      );
      return ok({ session: await startSession(parts, tx, user.id), user, tenant });
    },
  );
}

/** All mistakes at once: a form shows them beside their fields. */
function checkInput(
  { signUpMode }: Pick<IdentityParts, 'signUpMode'>,
  input: SignUpInput,
): Result<CheckedInput, readonly InvalidInput[]> {
  const mistakes: InvalidInput[] = [];
  function take<T>(result: Result<T, InvalidInput>): T | null {
    if (result.ok) return result.value;
    mistakes.push(result.error);
    return null;
  }
  const email = take(checkEmail(input.email, 'email'));
  const password = take(checkPassword(input.password, 'password'));
  const name = take(checkName(input.name, 'name'));
  const given = (value: string | null | undefined): value is string => value !== null && value !== undefined;
  const slug = given(input.tenantSlug) ? take(checkSlug(input.tenantSlug, 'tenantSlug')) : null;
  const tenantName = given(input.tenantName) ? take(checkName(input.tenantName, 'tenantName')) : null;
  const invitationToken = input.invitationToken ?? null;
  if (invitationToken !== null && given(input.tenantSlug)) {
    mistakes.push(
      invalidInput(['tenantSlug'], 'tenantSlug was given together with invitationToken; expected only one.'),
    );
  }
  if (invitationToken !== null && given(input.tenantName)) {
    mistakes.push(
      invalidInput(['tenantName'], 'tenantName was given together with invitationToken; expected only one.'),
    );
  }
  if (signUpMode === 'invited' && invitationToken === null) {
    mistakes.push(
      invalidInput(['invitationToken'], 'This server admits new users by invitation only; expected a token.'),
    );
  }
  if (mistakes.length > 0 || email === null || password === null || name === null) return refuse(mistakes);
  return ok({ email, password, name, slug, tenantName, invitationToken });
}
