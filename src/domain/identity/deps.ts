import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { AuditService } from '../audit/index.js';
import type { TenantsService } from '../tenants/index.js';
import type { AttemptLimiter } from './attempt-limiter.js';
import type { Passwords } from './passwords.js';
import type { Secrets } from './secrets.js';

/** Who may sign up: everybody, or only those who bring an invitation. */
export type SignUpMode = 'open' | 'invited';

/** What the room is given, and hands on to its use cases. */
export interface SharedParts {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: AuditService;
  readonly tenants: TenantsService;
  readonly secrets: Secrets;
  readonly signUpMode: SignUpMode;
}

/** What the use cases of this room work with. */
export interface IdentityParts extends SharedParts {
  readonly passwords: Passwords;
  readonly attempts: AttemptLimiter;
}

/** Somebody without a credential yet. */
export interface Caller {
  readonly requestId: string;
  /** Where the request comes from; `null` when unknown. */
  readonly clientAddress: string | null;
}
