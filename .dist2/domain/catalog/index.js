import { fullNameOf, RIGHTS, VISIBILITIES } from "./model.js";
import {
  basisOfRight,
  isListed,
  isVisible,
  PERMISSION_FOR_RIGHT,
  readsForTenant,
  tenantRights,
  viewerCanEdit,
  viewerRights
} from "./visibility.js";
import { GRANT_RIGHTS_COLUMN, grantInForceJoin, tenantHoldsRight, visibleTo } from "./visibility-sql.js";
import { modelArchived, modelNotFound } from "./errors.js";
import { claimNextVersionNumber, lockOwnModel } from "./store.js";
import { createCatalogService } from "./service.js";
export {
  GRANT_RIGHTS_COLUMN,
  PERMISSION_FOR_RIGHT,
  RIGHTS,
  VISIBILITIES,
  basisOfRight,
  claimNextVersionNumber,
  createCatalogService,
  fullNameOf,
  grantInForceJoin,
  isListed,
  isVisible,
  lockOwnModel,
  modelArchived,
  modelNotFound,
  readsForTenant,
  tenantHoldsRight,
  tenantRights,
  viewerCanEdit,
  viewerRights,
  visibleTo
};
//# sourceMappingURL=index.js.map
