/** The rows of plans, subscriptions, statements and quotes; see `entries.ts`. */
import { succeed } from '../../support/api.js';
import type { Entry } from './entries.js';
import type { World } from './world.js';

type OnOwn = (
  field: string,
  selection: string,
  secretId: string,
  variables: (world: World) => object,
  rest?: Partial<Entry>,
) => Entry;

const denied = { refused: 'PERMISSION_DENIED' } as const;

/** Two plans of the owner's secret model, and a subscription of the owner to a plan of a third tenant. */
export async function sellAndSubscribe(url: string, owner: string, third: string, modelId: string) {
  const offer = async (credential: string, model: string, name: string) => {
    const input = { modelId: model, name, currency: 'EUR', pricePerThousandMicros: 1000 };
    const made = await succeed(url, credential, 'createPlan', 'plan { id }', input);
    return (made as never as { plan: { id: string } }).plan.id;
  };
  const sold = (await succeed(url, third, 'createModel', 'model { id }', {
    name: 'sold',
    visibility: 'UNLISTED',
    publicAccess: 'VIEW',
  })) as never as { model: { id: string } };
  const soldPlan = await offer(third, sold.model.id, 'sold');
  const taken = await succeed(url, owner, 'subscribe', 'subscription { id }', { planId: soldPlan });
  return {
    plan: await offer(owner, modelId, 'standard'),
    sparePlan: await offer(owner, modelId, 'spare'),
    soldPlan,
    subscription: (taken as never as { subscription: { id: string } }).subscription.id,
  };
}

export function billingEntries(
  mutation: (field: string, selection: string) => string,
  onOwn: OnOwn,
): Readonly<Record<string, Entry>> {
  return {
    'Query.subscriptions': {
      document: '{ subscriptions { nodes { id plan { id } model { id } subscriber { slug } } } }',
      variables: () => ({}),
      stranger: 'empty',
      viewer: 'ok',
      owner: 'ok',
    },
    'Query.statements': {
      document: '{ statements { nodes { month lines { model } } } }',
      variables: () => ({}),
      stranger: 'empty',
      viewer: 'ok',
      owner: 'ok',
    },
    'Query.statement': {
      document: '{ statement(month: "2026-01", currency: "EUR") { lines { model } } }',
      variables: () => ({}),
      stranger: 'null',
      viewer: 'null',
      owner: 'null',
    },
    'Query.earnings': {
      document: '{ earnings(month: "2026-01") { lines { subscriber { slug } } } }',
      variables: () => ({}),
      stranger: 'ok',
      viewer: { error: 'PERMISSION_DENIED' },
      owner: 'ok',
    },
    'Query.quotePrediction': {
      document: `query ($input: PredictInput!) { quotePrediction(input: $input) {
        errors { code message path } version { id } rows cost { expected { amountMicros } } } }`,
      variables: ({ ids }) => ({
        input: { target: { versionId: ids.version }, inputs: [{ data: [Array<number>(10).fill(0.5)] }] },
      }),
      // What a stranger hears of it is what it hears of a version that is nowhere.
      stranger: { refused: 'NOT_FOUND' },
      viewer: denied,
      owner: 'ok',
      secretId: 'target.versionId',
    },
    'Mutation.createPlan': onOwn('createPlan', 'plan { id }', 'modelId', ({ ids }) => ({
      modelId: ids.model,
      name: 'another',
      currency: 'EUR',
    })),
    'Mutation.withdrawPlan': onOwn('withdrawPlan', 'plan { id }', 'planId', ({ ids }) => ({
      planId: ids.sparePlan,
    })),
    'Mutation.subscribe': onOwn(
      'subscribe',
      'subscription { id }',
      'planId',
      ({ ids }) => ({ planId: ids.plan }),
      { ownerVariables: ({ ids }) => ({ input: { planId: ids.soldPlan } }) },
    ),
    'Mutation.cancelSubscription': onOwn(
      'cancelSubscription',
      'subscription { id }',
      'subscriptionId',
      ({ ids }) => ({ subscriptionId: ids.subscription }),
    ),
    'Mutation.closeStatements': {
      document: mutation('closeStatements', 'closing { month }'),
      variables: () => ({ input: { month: '2026-01' } }),
      stranger: denied,
      viewer: denied,
    },
  };
}
