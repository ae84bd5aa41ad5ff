// The arithmetic of the benchmark; pure.

/** The smallest value that at least `share` (0 to 1) of the values do not exceed; null when there are none. */
export function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** The middle value, or the mean of the two in the middle. Values that are null are left out. */
export function median(values) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const middle = known.length >> 1;
  return known.length % 2 === 1 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
}

/** The largest value; null as soon as one is unknown, because the unknown one might be larger. */
export function worst(values) {
  return values.length === 0 || values.includes(null) ? null : Math.max(...values);
}

/** The quotient; null when either side is unknown or there is nothing to divide by. */
export function ratio(value, base) {
  return value === null || base === null || base === 0 ? null : value / base;
}

/** Counts and latencies (ms) as they are reported: percentiles, mean and largest. */
export function summarise(latencies) {
  let sum = 0;
  let max = 0;
  for (const value of latencies) {
    sum += value;
    if (value > max) max = value;
  }
  const count = latencies.length;
  return {
    count,
    p50: percentile(latencies, 0.5),
    p90: percentile(latencies, 0.9),
    p99: percentile(latencies, 0.99),
    mean: count === 0 ? null : sum / count,
    max: count === 0 ? null : max,
  };
}

/** Whether a measured value meets its bar; null when it was not measured. */
export function meetsBar(value, { atLeast, atMost }) {
  if (value === null) return null;
  return atLeast === undefined ? value <= atMost : value >= atLeast;
}

/** Several measurements of one load as one: the rate of all their time, and each one's figures. */
export function join(measurements) {
  let ok = 0;
  let elapsedMs = 0;
  for (const measurement of measurements) {
    ok += measurement.ok;
    elapsedMs += measurement.elapsedMs;
  }
  return { perSecond: (ok / elapsedMs) * 1_000, slices: measurements.map(({ figures }) => figures) };
}
