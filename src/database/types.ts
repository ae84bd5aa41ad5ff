/** What the domain's stores see of the database. */
import type { Prisma } from './generated/client.js';

/** A Prisma client inside one transaction whose settings say for whom it acts. */
export type Tx = Prisma.TransactionClient;

/**
 * For whom a transaction acts: row-level security shows exactly what these open. See the migration `walls`.
 */
export interface TransactionContext {
  readonly tenantId?: string | undefined;
  readonly userId?: string | undefined;
  /** Hash of a presented secret, or a presented sign-in address: opens the one row that it belongs to. */
  readonly proof?: string | undefined;
  /** Only for the few jobs that serve all tenants, whose names end in `AcrossTenants`. */
  readonly acrossTenants?: boolean | undefined;
}

/** Runs one parametrised statement and returns its rows. */
export type SqlQuery = <Row extends object>(text: string, parameters: readonly unknown[]) => Promise<Row[]>;

export interface Transactions {
  /**
   * Runs `work` in one transaction under the context. A returned refusal (`{ ok: false }`) rolls back and
   * is returned; a fault rolls back and is thrown. Serialization failures and deadlocks are tried again.
   */
  transaction<T>(context: TransactionContext, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** The same by plain SQL, for the hot path: fewer round trips, set-based statements. */
  sql<T>(context: TransactionContext, work: (query: SqlQuery) => Promise<T>): Promise<T>;
  /**
   * A query whose every statement is a transaction of its own under the context, in one exchange with the
   * server: for what each request does.
   */
  single(context: TransactionContext): SqlQuery;
  /**
   * Moves with every committed change of what decides who may do what, whoever made it: in this process before the
   * transaction's promise resolves, in others as soon as they hear of it.
   */
  accessEpoch(): number;
}
