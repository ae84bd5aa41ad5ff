export { fullNameOf, RIGHTS, VISIBILITIES } from './model.js';
export type { Model, ModelFacts, Right, Visibility } from './model.js';
export {
  basisOfRight,
  isListed,
  isVisible,
  PERMISSION_FOR_RIGHT,
  readsForTenant,
  tenantRights,
  viewerCanEdit,
  viewerRights,
} from './visibility.js';
export type { RightBasis } from './visibility.js';
export {
  GRANT_ENDS_COLUMN,
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  listedFor,
  subscriptionInForceJoin,
  tenantHoldsRight,
  visibleTo,
} from './visibility-sql.js';
export { modelArchived, modelNotFound } from './errors.js';
export type { InvalidInput, ModelConflict, ModelNotFound } from './errors.js';
export { claimNextVersionNumber, lockOwnModel } from './store.js';
export { createCatalogService } from './service.js';
export type {
  CatalogDeps,
  CatalogService,
  CreateModelRefusal,
  ModelMatches,
  UpdateModelRefusal,
} from './service.js';
export type { ModelFilter, ModelOrder, SearchModelsInput } from './search.js';
export type { Facet, MatchSummary, ModelFacets } from './search-store.js';
export type { CreateModelInput, UpdateModelInput } from './validation.js';
