/**
 * Charging: one exchange with the database writes the usage events and takes their units off the leases. What is charged
 * here is sent once. Only what PostgreSQL has refused may be sent again: nothing of it stands. Whether something stands
 * whose answer was lost nobody asks; the lease says it when it ends.
 */
import { isDataRefused, type SqlQuery, type Transactions } from '../../database/index.js';
import { refuse, type Result } from '../../lib/result.js';
import { UnfitChargeError, type Settlement } from './charge-kinds.js';
import { writeCharges } from './charge-statements.js';
import { reservationLost, type ReservationLost } from './errors.js';

/** What a caller writes in the transaction of the charge; its refusal undoes the charge. */
export type WriteWithCharge<E> = (query: SqlQuery) => Promise<Result<void, E>>;

export interface Settled {
  readonly isCharged: boolean;
  /** The lease is wanted back: give back what is idle. */
  readonly isRecalled: boolean;
}

export function createChargeStore(database: Transactions) {
  return Object.freeze({
    /** Charges in one transaction; says of each, in order, whether it is in the ledger now: its lease was there. */
    settle(tenantId: string, settlements: readonly Settlement[]): Promise<Settled[]> {
      return settle(database.single({ tenantId }), tenantId, settlements);
    },

    /** Charges one, together with what the caller writes: both or neither. */
    settleAndWrite<E>(
      tenantId: string,
      settlement: Settlement,
      write: WriteWithCharge<E>,
    ): Promise<Result<void, ReservationLost | E>> {
      return database.sql<Result<void, ReservationLost | E>>({ tenantId }, async (query) => {
        const [settled] = await settle(query, tenantId, [settlement]);
        return settled?.isCharged === true ? write(query) : refuse(reservationLost());
      });
    },
  });
}

export type ChargeStore = ReturnType<typeof createChargeStore>;

/**
 * Whether charges that failed together may be sent again one by one, for only one of them may be at fault. Never when the
 * answer was lost: they may be in the ledger already, and would be a second time.
 */
export function mayChargeAlone(fault: unknown): boolean {
  return fault instanceof UnfitChargeError || isDataRefused(fault);
}

async function settle(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<Settled[]> {
  const taken = new Map<string, boolean>();
  for (const { leaseId, isRecalled } of await writeCharges(query, tenantId, settlements)) {
    taken.set(leaseId, isRecalled);
  }
  return settlements.map(({ leaseId }) => ({
    isCharged: taken.has(leaseId),
    isRecalled: taken.get(leaseId) ?? false,
  }));
}
