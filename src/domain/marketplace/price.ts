/**
 * What a prediction costs under a plan's terms. Pure, and whole micros from the first step on: each prediction is rounded
 * once, up, so that a statement *is* the sum of its predictions and nothing is lost or gained between them.
 */

/** From the `from`th prediction of the month on, free ones counted, another price counts. */
export interface PlanTier {
  /** 2 or more. */
  readonly from: number;
  readonly pricePerThousandMicros: number;
}

/** Prices in millionths of the currency; those per 1,000 predictions are divisible by 1,000. */
export interface PlanTerms {
  /** ISO 4217. */
  readonly currency: string;
  readonly pricePerThousandMicros: number;
  readonly pricePerComputeSecondMicros: number;
  /** The first of each calendar month (UTC) cost nothing, neither the prediction nor its compute. */
  readonly freePredictionsPerMonth: number;
  /** Ascending. */
  readonly tiers: readonly PlanTier[];
}

export interface Priced {
  /** Its place among the predictions of its subscription in the month, from 1 on. */
  readonly ordinal: number;
  /** Charged compute, in whole microseconds. */
  readonly computeUs: number;
}

const PER_THOUSAND = 1_000;
const US_PER_SECOND = 1_000_000;

/** Whole micros of `terms.currency`. */
export function priceOf(terms: PlanTerms, { ordinal, computeUs }: Priced): number {
  if (ordinal <= terms.freePredictionsPerMonth) return 0;
  let perThousand = terms.pricePerThousandMicros;
  for (const tier of terms.tiers) {
    if (ordinal < tier.from) break;
    perThousand = tier.pricePerThousandMicros;
  }
  return perThousand / PER_THOUSAND + priceOfCompute(computeUs, terms.pricePerComputeSecondMicros);
}

/** What a prediction costs at most, wherever in the month it comes. @param computeUs at most this is charged */
export function highestPriceOf(terms: PlanTerms, computeUs: number): number {
  const prices = [terms.pricePerThousandMicros, ...terms.tiers.map((tier) => tier.pricePerThousandMicros)];
  return Math.max(...prices) / PER_THOUSAND + priceOfCompute(computeUs, terms.pricePerComputeSecondMicros);
}

/** Rounded up. Exact where the product outgrows a double too. */
function priceOfCompute(computeUs: number, pricePerSecondMicros: number): number {
  const product = computeUs * pricePerSecondMicros;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % US_PER_SECOND;
    return (product - rest) / US_PER_SECOND + (rest > 0 ? 1 : 0);
  }
  const exact = BigInt(computeUs) * BigInt(pricePerSecondMicros);
  return Number((exact + BigInt(US_PER_SECOND - 1)) / BigInt(US_PER_SECOND));
}
