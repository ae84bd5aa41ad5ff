export { nameOfMonth } from './month.js';
export { createBillingService } from './service.js';
export type { BillingDeps, BillingService } from './service.js';
export type {
  Closing,
  Earnings,
  EarningsLine,
  Statement,
  StatementLine,
  StatementLineKind,
  StatementStatus,
} from './statement.js';
