import type { Role } from '../access/index.js';

/** An organisation. */
export interface Tenant {
  /** Starts with `ten_`. */
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly isOperator: boolean;
  readonly createdAt: Date;
}

/** A person's place in a tenant. */
export interface Membership {
  /** Starts with `mbr_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly role: Role;
  readonly createdAt: Date;
}

/** An offer of membership to whoever presents its token with the right address. */
export interface Invitation {
  /** Starts with `inv_`. */
  readonly id: string;
  readonly tenantId: string;
  /** Lower case. */
  readonly email: string;
  readonly role: Role;
  /** The user who made it; null when an API key did. */
  readonly invitedBy: string | null;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}
