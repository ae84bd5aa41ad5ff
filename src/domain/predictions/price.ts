/** What a run is charged, and what is asked for it. Pure. */
import type { InferenceReply } from '../../inference/index.js';
import { highestPriceOf, priceOf, type SubscriptionInForce } from '../marketplace/index.js';
import { computeShareUs, type Charge, type Reservation, type ReserveRequest } from '../metering/index.js';

/** What of a charge depends on how long the run took. */
export type Price = Pick<Charge, 'computeUs' | 'costMicros' | 'currency' | 'subscriptionId'>;

/** The part of a claim that is about money. @param computeUs at most this is charged */
export function claimFor(
  subscription: SubscriptionInForce | null,
  computeUs: number,
): Pick<ReserveRequest, 'subscription' | 'costMicros'> {
  if (subscription === null) return {};
  const { id, terms } = subscription;
  return {
    subscription: { id, currency: terms.currency },
    costMicros: highestPriceOf(terms, computeUs),
  };
}

export function priceFor(
  subscription: SubscriptionInForce | null,
  rows: number,
  { timings, batchRows, batchSize }: InferenceReply,
  { claim, ordinal }: Pick<Reservation, 'claim' | 'ordinal'>,
): Price {
  // What it took beyond its claim nobody has reserved, so nobody pays it.
  const computeUs = Math.min(
    computeShareUs({ computeMs: timings.computeMs, rows, batchRows, batchSize }),
    claim.computeUs,
  );
  if (subscription === null) return { computeUs, costMicros: 0, currency: null, subscriptionId: null };
  const { id, terms } = subscription;
  // Free ones and tiers depend on it: a guess would charge somebody wrongly.
  if (ordinal === null) throw new Error(`A prediction under ${id} has no place in its month.`);
  const costMicros = priceOf(terms, { ordinal, computeUs });
  return { computeUs, costMicros, currency: terms.currency, subscriptionId: id };
}
