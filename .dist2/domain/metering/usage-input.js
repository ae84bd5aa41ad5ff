import { ok, refuse } from "../../lib/result.js";
import { invalid } from "./errors.js";
import { periodOf } from "./quota.js";
const MAX_RANGE_DAYS = 400;
const DAY_MS = 864e5;
function checkUsageInput(input, now) {
  const month = periodOf(now);
  const { from, to } = input.range ?? { from: month.start, to: month.end };
  if (!(from.getTime() < to.getTime())) {
    return refuse(invalid("The range is empty: `to` must lie after `from`.", ["range", "to"]));
  }
  if (to.getTime() - from.getTime() > MAX_RANGE_DAYS * DAY_MS) {
    return refuse(invalid(`The range is longer than ${MAX_RANGE_DAYS} days.`, ["range", "to"]));
  }
  const groupBy = [...new Set(input.groupBy ?? [])];
  if (groupBy.includes("DAY") && groupBy.includes("MONTH")) {
    return refuse(invalid("Group by DAY or by MONTH, not by both: each row has one period.", ["groupBy"]));
  }
  return ok({ from, to, groupBy });
}
function checkLimit(limit) {
  if (limit === null || Number.isSafeInteger(limit) && limit >= 0) return ok(limit);
  return refuse(
    invalid("A limit is a whole number from 0 on, or null for unlimited.", ["predictionsPerMonth"])
  );
}
export {
  MAX_RANGE_DAYS,
  checkLimit,
  checkUsageInput
};
//# sourceMappingURL=usage-input.js.map
