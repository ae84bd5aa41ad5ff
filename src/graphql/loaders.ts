/**
 * One read for all objects of a kind that an operation mentions, instead of one per mention. Made anew for
 * each request: a loader remembers what its actor may see, and must not outlive the request.
 */
import DataLoader from 'dataloader';
import { GraphQLError } from 'graphql';
import { hasTenant, type Actor, type TenantActor } from '../domain/access/index.js';
import type { Alias, AliasRequest } from '../domain/aliases/index.js';
import type { AuditEvent } from '../domain/audit/index.js';
import type { Model } from '../domain/catalog/index.js';
import type { Dataset, Evaluation } from '../domain/evaluations/index.js';
import type { ApiKey, User } from '../domain/identity/index.js';
import type { Plan, Subscription } from '../domain/marketplace/index.js';
import type { UsageCorrection } from '../domain/metering/index.js';
import type { Prediction } from '../domain/predictions/index.js';
import type { Grant } from '../domain/sharing/index.js';
import type { Invitation, Membership, Tenant } from '../domain/tenants/index.js';
import type { Publication, Version, Yank } from '../domain/versions/index.js';
import type { Tensor } from '../lib/tensor.js';
import type { Services } from './services.js';

/** By id; `null` for what does not exist or may not be seen. */
type Loader<T> = Pick<DataLoader<string, T | null>, 'load' | 'loadMany' | 'clear'>;

export interface Loaders {
  readonly tenants: Loader<Tenant>;
  readonly memberships: Loader<Membership>;
  readonly invitations: Loader<Invitation>;
  readonly users: Loader<User>;
  readonly apiKeys: Loader<ApiKey>;
  readonly models: Loader<Model>;
  readonly versions: Loader<Version>;
  /** By the id of the model: its newest version. */
  readonly latestVersions: Loader<Version>;
  /** By the digest of a pack: the versions that run from it, as `owner/name:number`; for operators. */
  readonly packVersions: Loader<readonly string[]>;
  /** By the id of the version: why it is out of service. */
  readonly yanks: Loader<Yank>;
  readonly publications: Loader<Publication>;
  /** By the id of the version. */
  readonly publicationsOfVersions: Loader<Publication>;
  /** By the id of the model: its aliases. */
  readonly aliasesOfModels: Loader<readonly Alias[]>;
  readonly aliasRequests: Loader<AliasRequest>;
  /** By the id of the model: requests on its aliases that wait. */
  readonly pendingAliasRequests: Loader<readonly AliasRequest[]>;
  readonly grants: Loader<Grant>;
  readonly plans: Loader<Plan>;
  /** By the id of the model: its plans on offer. */
  readonly plansOfModels: Loader<readonly Plan[]>;
  readonly subscriptions: Loader<Subscription>;
  readonly predictions: Loader<Prediction>;
  /** By the id of the prediction: the answer kept for its idempotency key. */
  readonly keptOutputs: Loader<readonly Tensor[]>;
  /** By the id of the prediction: what was corrected of its charge. */
  readonly corrections: Loader<readonly UsageCorrection[]>;
  readonly auditEvents: Loader<AuditEvent>;
  readonly datasets: Loader<Dataset>;
  readonly evaluations: Loader<Evaluation>;
}

// A statement's parameters are bounded, and so is what a page of 100 by 100 can mention at once.
const MAX_BATCH = 500;
/** Each kept answer may take 4 MiB, and base64 a third more: a page of 100 would be half a gigabyte. */
const MAX_KEPT_OUTPUTS = 10;

type BatchRead<A, T> = (actor: A, ids: readonly string[]) => Promise<readonly (T | null)[]>;

export function createLoaders(services: Services, actor: Actor | null): Loaders {
  const { audit, tenants, identity, catalog, versions, aliases, sharing, marketplace } = services;
  const { predictions, ledger, evaluations } = services;

  function forActor<T>(read: BatchRead<Actor, T>): Loader<T> {
    return loaderOf((ids) => (actor === null ? Promise.resolve(nothing(ids)) : read(actor, ids)));
  }
  function forTenant<T>(read: BatchRead<TenantActor, T>): Loader<T> {
    return loaderOf((ids) =>
      actor === null || !hasTenant(actor) ? Promise.resolve(nothing(ids)) : read(actor, ids),
    );
  }

  return {
    tenants: forActor((who, ids) => tenants.getTenantsByIds(who, ids)),
    memberships: forActor((who, ids) => tenants.getMembershipsByIds(who, ids)),
    invitations: forActor((who, ids) => tenants.getInvitationsByIds(who, ids)),
    users: forActor((who, ids) => identity.getUsersByIds(who, ids)),
    apiKeys: forActor((who, ids) => identity.getApiKeysByIds(who, ids)),
    models: forTenant((who, ids) => catalog.getModelsByIds(who, ids)),
    versions: forTenant((who, ids) => versions.getVersionsByIds(who, ids)),
    latestVersions: forTenant((who, ids) => versions.latestVersions(who, ids)),
    packVersions: forActor((who, digests) => versions.namesOfPacksAcrossTenants(who, digests)),
    yanks: forTenant((who, ids) => versions.yanksOfVersions(who, ids)),
    publicationsOfVersions: forTenant((who, ids) => versions.publicationsOfVersions(who, ids)),
    publications: forTenant((who, ids) => versions.getPublicationsByIds(who, ids)),
    aliasesOfModels: forTenant((who, ids) => aliases.aliasesOfModels(who, ids)),
    aliasRequests: forTenant((who, ids) => aliases.getAliasRequestsByIds(who, ids)),
    pendingAliasRequests: forTenant((who, ids) => aliases.pendingRequestsOfModels(who, ids)),
    grants: forTenant((who, ids) => sharing.getGrantsByIds(who, ids)),
    plans: forTenant((who, ids) => marketplace.getPlansByIds(who, ids)),
    plansOfModels: forTenant((who, ids) => marketplace.plansOfModels(who, ids)),
    subscriptions: forTenant((who, ids) => marketplace.getSubscriptionsByIds(who, ids)),
    predictions: forTenant((who, ids) => predictions.getPredictionsByIds(who, ids)),
    keptOutputs: forTenant(async (who, ids) => {
      if (ids.length > MAX_KEPT_OUTPUTS) throw tooManyOutputs();
      const kept: (readonly Tensor[] | null)[] = [];
      for (const id of ids) kept.push(await predictions.readKeptOutputs(who, id));
      return kept;
    }),
    corrections: forTenant((who, ids) => ledger.getCorrectionsByPredictionIds(who, ids)),
    auditEvents: forTenant((who, ids) => audit.getAuditEventsByIds(who, ids)),
    datasets: forTenant((who, ids) => evaluations.getDatasetsByIds(who, ids)),
    evaluations: forTenant((who, ids) => evaluations.getEvaluationsByIds(who, ids)),
  };
}

function loaderOf<T>(read: (ids: readonly string[]) => Promise<readonly (T | null)[]>): Loader<T> {
  return new DataLoader<string, T | null>(read, { maxBatchSize: MAX_BATCH });
}

function tooManyOutputs(): GraphQLError {
  return new GraphQLError(
    `At most ${MAX_KEPT_OUTPUTS} kept answers are read at once; ask for outputs of fewer predictions.`,
    { extensions: { code: 'BAD_USER_INPUT' } },
  );
}

function nothing(ids: readonly string[]): null[] {
  return ids.map(() => null);
}
