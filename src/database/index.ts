export type { SqlQuery, Transactions, TransactionContext, Tx } from './types.js';
export { Prisma } from './generated/client.js';
