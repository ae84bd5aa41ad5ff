/** Plans and subscriptions, and what a plan's terms may be. Pure. */
import { invalidInput } from '../../lib/invalid-input.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { InvalidPlan } from './errors.js';
import { checkIncludedLimits, type IncludedLimit, type IncludedLimitInput } from './included-limits.js';
import type { PlanTerms, PlanTier } from './price.js';

/** On what terms a model may be used. Terms never change: a change is a new plan. */
export interface Plan extends PlanTerms {
  readonly id: string;
  /** The owner of the model. */
  readonly tenantId: string;
  readonly modelId: string;
  readonly name: string;
  readonly includedLimits: readonly IncludedLimit[];
  readonly status: PlanStatus;
  readonly createdAt: Date;
  readonly withdrawnAt: Date | null;
}

/** WITHDRAWN: nobody can take it any more; who has it keeps it. */
export type PlanStatus = 'OFFERED' | 'WITHDRAWN';

/** A tenant and a plan, once for each pair. */
export interface Subscription {
  readonly id: string;
  /** The subscriber. */
  readonly tenantId: string;
  readonly planId: string;
  readonly modelId: string;
  readonly ownerTenantId: string;
  readonly status: SubscriptionStatus;
  /** The last time. */
  readonly subscribedAt: Date;
  readonly cancelledAt: Date | null;
}

export type SubscriptionStatus = 'ACTIVE' | 'CANCELLED';

export interface CreatePlanInput {
  readonly modelId: string;
  readonly name: string;
  readonly currency: string;
  readonly pricePerThousandMicros?: number | null | undefined;
  readonly pricePerComputeSecondMicros?: number | null | undefined;
  readonly freePredictionsPerMonth?: number | null | undefined;
  readonly tiers?: readonly PlanTier[] | null | undefined;
  readonly includedLimits?: readonly IncludedLimitInput[] | null | undefined;
}

export interface NewPlan extends PlanTerms {
  readonly name: string;
  readonly includedLimits: readonly IncludedLimit[];
}

const MAX_NAME_CHARACTERS = 60;
/** A million of the currency: prices of a month's predictions then stay whole numbers that JSON carries. */
export const MAX_PRICE_MICROS = 1_000_000_000_000;
const MAX_PREDICTIONS = 1_000_000_000;
const MAX_TIERS = 20;
const PRICE_STEP_MICROS = 1_000;
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cs}]/u;
/** No currencies, though ISO 4217 lists them: "none" and "for testing". */
const NO_CURRENCIES = new Set(['XXX', 'XTS']);
const CURRENCIES: ReadonlySet<string> = new Set(
  Intl.supportedValuesOf('currency').filter((code) => !NO_CURRENCIES.has(code)),
);

/** The terms, or every mistake in them. */
export function checkNewPlan(input: CreatePlanInput): Result<NewPlan, readonly InvalidPlan[]> {
  const mistakes: InvalidPlan[] = [];
  const note = (path: readonly string[], message: string) => mistakes.push(invalidInput(path, message));
  const name = input.name.trim();
  if (name.length < 1 || name.length > MAX_NAME_CHARACTERS || CONTROL_CHARACTERS.test(name)) {
    note(['name'], `A plan's name has 1 to ${MAX_NAME_CHARACTERS} characters, and no control characters.`);
  }
  const currency = input.currency.trim().toUpperCase();
  if (!CURRENCIES.has(currency)) {
    note(['currency'], 'currency is a code of ISO 4217, such as EUR or USD.');
  }
  const pricePerThousandMicros = input.pricePerThousandMicros ?? 0;
  if (!isPricePerThousand(pricePerThousandMicros)) {
    note(['pricePerThousandMicros'], `pricePerThousandMicros ${PRICE_RULE}`);
  }
  const pricePerComputeSecondMicros = input.pricePerComputeSecondMicros ?? 0;
  if (!isWhole(pricePerComputeSecondMicros, MAX_PRICE_MICROS)) {
    note(
      ['pricePerComputeSecondMicros'],
      `pricePerComputeSecondMicros is a whole number from 0 to ${MAX_PRICE_MICROS}.`,
    );
  }
  const freePredictionsPerMonth = input.freePredictionsPerMonth ?? 0;
  if (!isWhole(freePredictionsPerMonth, MAX_PREDICTIONS)) {
    note(
      ['freePredictionsPerMonth'],
      `freePredictionsPerMonth is a whole number from 0 to ${MAX_PREDICTIONS}.`,
    );
  }
  const tiers = input.tiers ?? [];
  if (tiers.length > MAX_TIERS) note(['tiers'], `A plan has at most ${MAX_TIERS} tiers.`);
  let before = 1;
  for (const [i, { from, pricePerThousandMicros: price }] of tiers.entries()) {
    if (!isWhole(from, MAX_PREDICTIONS) || from <= before) {
      note(
        ['tiers', String(i), 'from'],
        `A tier begins with a prediction of the month after the ${before === 1 ? 'first' : `${before}th`}; found ${from}.`,
      );
    } else before = from;
    if (!isPricePerThousand(price)) {
      note(['tiers', String(i), 'pricePerThousandMicros'], `pricePerThousandMicros ${PRICE_RULE}`);
    }
  }
  const includedLimits = checkIncludedLimits(input.includedLimits ?? [], mistakes);
  if (mistakes.length > 0) return refuse(mistakes);
  return ok({
    name,
    currency,
    pricePerThousandMicros,
    pricePerComputeSecondMicros,
    freePredictionsPerMonth,
    tiers: tiers.map((tier) => ({
      from: tier.from,
      pricePerThousandMicros: tier.pricePerThousandMicros,
    })),
    includedLimits,
  });
}

const PRICE_RULE =
  `is a whole number from 0 to ${MAX_PRICE_MICROS} and divisible by ${PRICE_STEP_MICROS}, so that one prediction ` +
  'costs whole micros.';

function isWhole(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isPricePerThousand(value: number): boolean {
  return isWhole(value, MAX_PRICE_MICROS) && value % PRICE_STEP_MICROS === 0;
}
