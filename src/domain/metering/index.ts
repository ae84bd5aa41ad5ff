export type { Admission } from './admission.js';
export type { AliasCaller, AliasCallerPage } from './alias-callers.js';
export type { QuotaExceeded, RateLimited, ReservationLost } from './errors.js';
export type {
  Charge,
  Charged,
  Claim,
  Money,
  Reservation,
  ReserveRequest,
  UsageDimension,
  UsageEvent,
  UsageGranularity,
  UsageReport,
  UsageRow,
  UsageSum,
} from './ledger.js';
export type { Outlook } from './outlook.js';
export { computeClaimUs, computeShareUs } from './ledger.js';
export type { Enforcement, LimitLeft, LimitTerms, LimitWindow } from './limit.js';
export type { Limit, ThresholdEvent } from './limit-store.js';
export type { LimitPlaceInput, SetLimitInput } from './limit-input.js';
export type { Measure } from './measures.js';
export { periodOf } from './quota.js';
export type { Period, Quota, QuotaSubject } from './quota.js';
export { createMeteringService, QUOTA_RECALL_CHANNEL, QUOTA_THRESHOLD_CHANNEL } from './service.js';
export type { MeteringDeps, MeteringService } from './service.js';
export type { WriteWithCharge } from './charge-store.js';
export { LeaseKeeper } from './lease-keeper.js';
export type { UsageCorrection } from './corrections.js';
export { createLedgerService } from './ledger-service.js';
export type { LedgerDeps, LedgerService, RollupCheck, UsageExport } from './ledger-service.js';
export type { DifferenceSum, UsageDifference } from './ledger-store.js';
export type { ExportedEvent } from './usage-export.js';
