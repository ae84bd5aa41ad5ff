/** Facts about a change: flat, small, and never a secret. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What a room hands over to be recorded. */
export interface NewAuditEvent {
  /** The mutation's name, e.g. `createModel`. */
  readonly action: string;
  readonly subjectId: string | null;
  readonly details: AuditDetails;
}

/** One recorded action. */
export interface AuditEvent extends NewAuditEvent {
  /** Starts with `aud_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly requestId: string;
  readonly createdAt: Date;
}

/** For events outside a request's actor, such as a sign-up, whose actor exists only afterwards. */
export interface AuditAuthor {
  readonly tenantId: string;
  readonly userId?: string | null | undefined;
  readonly apiKeyId?: string | null | undefined;
  readonly requestId: string;
}

// Ours are `accessToken`, `tokenHash`, `secret`, `password`…: a second wall, not a substitute for care.
const SECRET_NAME = /((secret|password|token)(hash)?|authorization|credentials?)$/i;
const MAX_DETAIL_CHARACTERS = 2000;

/**
 * Throws when details carry something that looks like a secret: that is a bug of the caller, and what
 * has been written here can never be taken back.
 */
export function assertNothingSecret(details: AuditDetails): void {
  for (const [name, value] of Object.entries(details)) {
    if (SECRET_NAME.test(name)) throw new Error(`The audit detail ${name} would record a secret.`);
    const texts = typeof value === 'string' ? [value] : Array.isArray(value) ? (value as string[]) : [];
    if (texts.some((text) => /souk_(live|refresh|invite)_[0-9A-Za-z]{20}/.test(text))) {
      throw new Error(`The audit detail ${name} holds a secret.`);
    }
  }
}

/** Long texts are cut: the log says that something changed, the object itself says to what. */
export function shortened(details: AuditDetails): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > MAX_DETAIL_CHARACTERS
        ? `${value.slice(0, MAX_DETAIL_CHARACTERS)}…`
        : value,
    ]),
  );
}
