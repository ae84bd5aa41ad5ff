import { hasTenant, type Actor } from '../../domain/access/index.js';
import { kindOfId, type IdKind } from '../../lib/ids.js';
import { requireActor, type GraphQLContext } from '../context.js';
import type { Resolvers } from '../generated/resolvers.js';

/** What the schema calls each kind of object that `node` can find. */
const TYPE_NAMES = {
  tenant: 'Tenant',
  membership: 'Membership',
  invitation: 'Invitation',
  user: 'User',
  apiKey: 'ApiKey',
  model: 'Model',
  upload: 'Upload',
  version: 'Version',
  publication: 'Publication',
  grant: 'Grant',
  aliasRequest: 'AliasRequest',
  plan: 'Plan',
  subscription: 'PlanSubscription',
  prediction: 'Prediction',
  auditEvent: 'AuditEvent',
  dataset: 'Dataset',
  evaluation: 'Evaluation',
} as const satisfies Partial<Record<IdKind, string>>;

type NodeKind = keyof typeof TYPE_NAMES;

function nodeKindOf(id: string): NodeKind | null {
  const kind = kindOfId(id);
  return kind !== null && kind in TYPE_NAMES ? (kind as NodeKind) : null;
}

/** Through the room's own read, so that `node` shows nothing that its own field would not. */
async function readNode(
  actor: Actor,
  kind: NodeKind,
  id: string,
  { loaders, services }: GraphQLContext,
): Promise<object | null> {
  switch (kind) {
    case 'tenant':
      return loaders.tenants.load(id);
    case 'membership':
      return loaders.memberships.load(id);
    case 'invitation':
      return loaders.invitations.load(id);
    case 'user':
      return loaders.users.load(id);
    case 'apiKey':
      return loaders.apiKeys.load(id);
    case 'model':
      return loaders.models.load(id);
    case 'upload':
      return hasTenant(actor) ? services.versions.getUpload(actor, id) : null;
    case 'version':
      return loaders.versions.load(id);
    case 'publication':
      return loaders.publications.load(id);
    case 'grant':
      return loaders.grants.load(id);
    case 'aliasRequest':
      return loaders.aliasRequests.load(id);
    case 'plan':
      return loaders.plans.load(id);
    case 'subscription':
      return loaders.subscriptions.load(id);
    case 'prediction':
      return loaders.predictions.load(id);
    case 'auditEvent':
      return loaders.auditEvents.load(id);
    case 'dataset':
      return loaders.datasets.load(id);
    case 'evaluation':
      return loaders.evaluations.load(id);
  }
}

export const nodeResolvers = {
  Query: {
    node: async (_root, { id }, context) => {
      const actor = requireActor(context);
      const kind = nodeKindOf(id);
      return (kind === null ? null : await readNode(actor, kind, id, context)) as never;
    },
  },
  Node: {
    __resolveType: ({ id }: { readonly id: string }) => {
      const kind = nodeKindOf(id);
      if (kind === null) throw new Error(`An object without an id of ours was returned as a Node: ${id}.`);
      return TYPE_NAMES[kind];
    },
  },
} satisfies Pick<Resolvers, 'Query' | 'Node'>;
