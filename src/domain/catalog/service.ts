import type { TransactionContext, Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { AuditService } from '../audit/index.js';
import type { TenantActor } from '../access/index.js';
import type { Model } from './model.js';
import * as store from './store.js';

export interface CatalogDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
}

export interface CatalogService {
  /** A model of the actor's tenant, archived or not, for rooms that are about to change it; else `null`. */
  findOwnModel(actor: TenantActor, modelId: string): Promise<Model | null>;
}

export function createCatalogService({ database }: CatalogDeps): CatalogService {
  return Object.freeze({
    async findOwnModel(actor: TenantActor, modelId: string) {
      return database.transaction(contextOf(actor), (tx) => store.findOwnModel(tx, actor.tenantId, modelId));
    },
  });
}

function contextOf(actor: TenantActor): TransactionContext {
  return { tenantId: actor.tenantId };
}
