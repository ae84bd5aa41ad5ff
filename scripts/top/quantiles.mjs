// How long predictions took, out of the histograms of /metrics: all models and tenants together.

const BUCKET = /^souk_prediction_duration_seconds_bucket\{(?:.*,)?le="([^"]+)"\} (\S+)$/gm;

/** Prometheus' text -> [upper bound in seconds, observations up to it], rising. */
export function readBuckets(text) {
  const counts = new Map();
  for (const [, bound, count] of text.matchAll(BUCKET)) {
    const seconds = bound === '+Inf' ? Infinity : Number(bound);
    counts.set(seconds, (counts.get(seconds) ?? 0) + Number(count));
  }
  return [...counts].sort(([one], [other]) => one - other);
}

/** What was observed after `before`. A server that has restarted since begins anew. */
export function bucketsSince(before, after) {
  const counts = new Map(before);
  const isSame = before.length > 0 && after.every(([bound, count]) => count >= (counts.get(bound) ?? 0));
  return isSame ? after.map(([bound, count]) => [bound, count - (counts.get(bound) ?? 0)]) : after;
}

/** Milliseconds, between the bounds of the bucket as if its observations lay evenly in it; null without any. */
export function quantileMs(buckets, share) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  let [low, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      if (bound === Infinity) return low * 1000;
      return (low + ((bound - low) * (rank - below)) / Math.max(count - below, 1)) * 1000;
    }
    [low, below] = [bound, count];
  }
  return low * 1000;
}
