import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { AuditService } from '../audit/index.js';

/** What the room works with. */
export interface TenantsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: AuditService;
  /** What a new tenant may predict in a month; `null`: unlimited. */
  readonly defaultPredictionsPerMonth: number | null;
}
