/** What a run is charged, and what is asked for it. Pure. */
import type { InferenceReply } from '../../inference/index.js';
import { highestPriceOf, priceOf, type SubscriptionInForce } from '../marketplace/index.js';
import {
  computeClaimUs,
  computeShareUs,
  type Charge,
  type Reservation,
  type ReserveRequest,
} from '../metering/index.js';
import type { Runnable } from './find-runnable.js';
import { UNITS_PER_PREDICTION } from './prediction.js';

/** What of a charge depends on how long the run took. */
export type Price = Pick<Charge, 'computeUs' | 'costMicros' | 'currency' | 'subscriptionId'>;

/** What a prediction may be charged at most, in every measure: what `reserve` is asked for, and a quote looks at. */
export function claimFor(
  { version, subscription, inputs }: Runnable,
  timeoutMs: number,
): ReserveRequest & { readonly computeUs: number } {
  const { rows, bytes } = inputs;
  const computeUs = computeClaimUs(version.measuredMs, rows, timeoutMs);
  const claim = {
    units: UNITS_PER_PREDICTION,
    timeoutMs,
    modelId: version.modelId,
    rows,
    bytes,
    computeUs,
  };
  if (subscription === null) return claim;
  const { id, terms } = subscription;
  return {
    ...claim,
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
