/** Charging: one exchange with the database writes the usage events and takes their units off the leases. */
import { isIntegrityViolation, type SqlQuery, type Transactions } from '../../database/index.js';
import { refuse, type Result } from '../../lib/result.js';
import type { Settlement } from './charge-kinds.js';
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
    /** Charges in one transaction; says of each, in order, whether it is in the ledger now. */
    async settle(tenantId: string, settlements: readonly Settlement[]): Promise<Settled[]> {
      const query = database.single({ tenantId });
      try {
        return await settle(query, tenantId, settlements);
      } catch (error) {
        if (!isIntegrityViolation(error)) throw error;
        return settleRest(query, tenantId, settlements, error);
      }
    },

    /**
     * Charges one, together with what the caller writes: both or neither.
     * @throws when it is in the ledger already: nobody retries what may have been committed
     */
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

/** Of each, in order, whether it is in the ledger now. A lease that is gone may have been charged before it went. */
async function settle(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<Settled[]> {
  const taken = new Map<string, boolean>();
  for (const { leaseId, isRecalled } of await writeCharges(query, tenantId, settlements)) {
    taken.set(leaseId, isRecalled);
  }
  const lost = settlements.filter(({ leaseId }) => !taken.has(leaseId));
  const before = await findCharged(query, tenantId, lost);
  return settlements.map(({ leaseId, charge }) => ({
    isCharged: taken.has(leaseId) || before.has(charge.predictionId),
    isRecalled: taken.get(leaseId) ?? false,
  }));
}

/**
 * The same when a rule of the tables refused them. If some are in the ledger already (what seemed lost with its connection
 * did go through), those are charged, and the others go again without them.
 */
async function settleRest(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
  violation: unknown,
): Promise<Settled[]> {
  const before = await findCharged(query, tenantId, settlements);
  if (before.size === 0) throw violation;
  const rest = settlements.filter(({ charge }) => !before.has(charge.predictionId));
  const settled = rest.length === 0 ? [] : await settle(query, tenantId, rest);
  const outcomes = new Map(rest.map((settlement, i) => [settlement, settled[i]]));
  return settlements.map((one) => outcomes.get(one) ?? { isCharged: true, isRecalled: false });
}

async function findCharged(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<ReadonlySet<string>> {
  if (settlements.length === 0) return new Set();
  const rows = await query<{ id: string }>(
    'SELECT id FROM usage_events WHERE tenant_id = $1 AND id = ANY ($2)',
    [tenantId, settlements.map(({ charge }) => charge.predictionId)],
  );
  return new Set(rows.map(({ id }) => id));
}
