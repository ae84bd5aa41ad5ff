import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { AuditService } from '../audit/index.js';
import type { Conflict } from './errors.js';

export interface AliasesDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  /**
   * Why no alias may be moved to a version of the model, although it exists: because it was yanked. `null`: it may. Asked
   * inside the transaction that moves, which holds the lock of the model.
   */
  readonly refusalOfTarget?: (
    tx: Tx,
    tenantId: string,
    version: { readonly id: string; readonly number: number },
  ) => Promise<Conflict | null>;
}
