import { RIGHTS, type Right } from '../catalog/index.js';

/** One tenant lets another use a model. Only grants in force are ever handed out. */
export interface Grant {
  readonly id: string;
  /** The owner of the model. */
  readonly tenantId: string;
  readonly modelId: string;
  readonly granteeTenantId: string;
  /** At least one, in the order of `RIGHTS`. */
  readonly rights: readonly Right[];
  /** Null: until revoked. */
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
}

/** Each once, in the order of `RIGHTS`; what is no right is left away. */
export function canonicalRights(rights: readonly Right[]): readonly Right[] {
  return RIGHTS.filter((right) => rights.includes(right));
}
