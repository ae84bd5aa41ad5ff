import type { AliasesService } from '../domain/aliases/index.js';
import type { AuditService } from '../domain/audit/index.js';
import type { BillingService } from '../domain/billing/index.js';
import type { CatalogService } from '../domain/catalog/index.js';
import type { EvaluationsService } from '../domain/evaluations/index.js';
import type { IdentityService } from '../domain/identity/index.js';
import type { MarketplaceService } from '../domain/marketplace/index.js';
import type { LedgerService, MeteringService } from '../domain/metering/index.js';
import type { PredictionsService } from '../domain/predictions/index.js';
import type { SharingService } from '../domain/sharing/index.js';
import type { TenantsService } from '../domain/tenants/index.js';
import type { VersionsService } from '../domain/versions/index.js';
import type { ServerStatus } from './server-status.js';

/** What resolvers may call: the rooms of the domain, and the server's facts about itself. */
export interface Services {
  readonly audit: AuditService;
  readonly tenants: TenantsService;
  readonly identity: IdentityService;
  readonly catalog: CatalogService;
  readonly versions: VersionsService;
  readonly aliases: AliasesService;
  readonly sharing: SharingService;
  readonly marketplace: MarketplaceService;
  readonly metering: MeteringService;
  readonly ledger: LedgerService;
  readonly billing: BillingService;
  readonly predictions: PredictionsService;
  readonly evaluations: EvaluationsService;
  /** What `serverInfo` answers from. */
  readonly server: ServerStatus;
}
