export {
  invalidInput,
  invitationNotValid,
  slugTaken,
  type Conflict,
  type InvalidCredentials,
  type InvalidInput,
  type NotFound,
} from './errors.js';
export { checkEmail, checkName, checkSlug, slugFrom } from './names.js';
export { createTenantsService } from './service.js';
export type { Founding, PageInput, TenantsService } from './service.js';
export type { Invitation, Membership, Tenant } from './tenant.js';
