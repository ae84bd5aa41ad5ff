function admitGcra(tatMs, rate, nowMs, cost = 1) {
  const start = Math.max(tatMs ?? nowMs, nowMs);
  const next = start + cost * rate.intervalMs;
  const excessMs = next - nowMs - rate.burst * rate.intervalMs;
  if (excessMs <= 0) return { admitted: true, tatMs: next, retryAfterMs: 0 };
  const retryAfterMs = cost > rate.burst ? Infinity : excessMs;
  return { admitted: false, tatMs: tatMs ?? nowMs, retryAfterMs };
}
function refundGcra(tatMs, rate, cost = 1) {
  return tatMs - cost * rate.intervalMs;
}
export {
  admitGcra,
  refundGcra
};
//# sourceMappingURL=gcra.js.map
