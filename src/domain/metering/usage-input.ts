/** What `usage` and `setTenantQuota` may be asked. Pure. */
import { invalidInput } from '../../lib/invalid-input.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { InvalidUsageInput } from './errors.js';
import type { UsageDimension, UsageGranularity } from './ledger.js';
import { periodOf } from './quota.js';

export const MAX_RANGE_DAYS = 400;
/** By the hour. */
export const MAX_HOURLY_DAYS = 31;
const DAY_MS = 86_400_000;

export interface UsageInput {
  readonly range?: { readonly from: Date; readonly to: Date } | null | undefined;
  readonly groupBy?: readonly UsageDimension[] | null | undefined;
  readonly granularity?: UsageGranularity | null | undefined;
}

export interface UsageQuestion {
  readonly from: Date;
  readonly to: Date;
  readonly groupBy: readonly UsageDimension[];
  /** `null`: not divided by time. */
  readonly granularity: UsageGranularity | null;
}

/** The span, the current month when absent, and the dimensions without repetition. */
export function checkUsageInput(input: UsageInput, now: Date): Result<UsageQuestion, InvalidUsageInput> {
  const month = periodOf(now);
  const { from, to } = input.range ?? { from: month.start, to: month.end };
  if (!(from.getTime() < to.getTime())) {
    return refuse(invalidInput(['range', 'to'], 'The range is empty: `to` must lie after `from`.'));
  }
  if (to.getTime() - from.getTime() > MAX_RANGE_DAYS * DAY_MS) {
    return refuse(invalidInput(['range', 'to'], `The range is longer than ${MAX_RANGE_DAYS} days.`));
  }
  const granularity = input.granularity ?? null;
  if (granularity === 'HOUR' && to.getTime() - from.getTime() > MAX_HOURLY_DAYS * DAY_MS) {
    return refuse(
      invalidInput(['granularity'], `By the hour, a range is at most ${MAX_HOURLY_DAYS} days long.`),
    );
  }
  return ok({ from, to, groupBy: [...new Set(input.groupBy ?? [])], granularity });
}

/** A limit is a whole number from 0, or `null` for none. */
export function checkLimit(limit: number | null): Result<number | null, InvalidUsageInput> {
  if (limit === null || (Number.isSafeInteger(limit) && limit >= 0)) return ok(limit);
  return refuse(
    invalidInput(['predictionsPerMonth'], 'A limit is a whole number from 0 on, or null for unlimited.'),
  );
}

export const MAX_WEIGHT = 100;

/** A share of the pool is a whole number from 1 to `MAX_WEIGHT`; `null`: left as it is. */
export function checkWeight(weight: number | null): Result<number | null, InvalidUsageInput> {
  if (weight === null || (Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT)) return ok(weight);
  return refuse(
    invalidInput(['weight'], `weight is a whole number from 1 to ${MAX_WEIGHT}; found ${weight}.`),
  );
}
