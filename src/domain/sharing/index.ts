export { canonicalRights } from './grant.js';
export type { Grant } from './grant.js';
export { createSharingService } from './service.js';
export type { GrantAccessInput, GrantAccessRefusal, SharingDeps, SharingService } from './service.js';
