export { PEOPLE_NEEDED } from './alias.js';
export type { Alias, AliasMove, AliasRequest, Comparison } from './alias.js';
export type { AliasChange, DeleteAliasInput, RollbackAliasInput, SetAliasInput } from './change-alias.js';
export type { AliasesDeps } from './deps.js';
export type { BreakingChange } from './errors.js';
export { checkAliasName, mayBeAliasName } from './names.js';
export type { AliasMoveCheck, CheckAliasMoveInput } from './read-aliases.js';
export { createAliasesService } from './service.js';
export type { AliasesService } from './service.js';
