export { DatabaseClock, type DatabaseClockOptions } from './database-clock.js';
export { Database, type DatabaseOptions } from './database.js';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded.js';
export {
  DatabaseStartError,
  isDatabaseUnavailable,
  isDataRefused,
  isSerializationConflict,
} from './errors.js';
export { Prisma } from './generated/client.js';
export { migrate, type MigrateOptions } from './migrate.js';
export type { NotificationListener } from './notification-listener.js';
export { isPresent, type Presence } from './presence.js';
export type { SqlQuery, Transactions, TransactionContext, Tx } from './types.js';
