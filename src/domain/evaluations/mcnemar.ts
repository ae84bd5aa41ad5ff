/**
 * McNemar's test of two classifiers on the same rows (Q. McNemar, "Note on the sampling error of the difference between
 * correlated proportions or percentages", Psychometrika 12, 1947), in its exact form: of the rows where only one is
 * right, each is as likely to be the first's as the second's if the two are equally good, so their number follows
 * Bin(n, 1/2), and p = 2 · P(X <= min(b, c)), at most 1. The exact form needs no rule for when an approximation is good
 * enough (T. Dietterich, "Approximate statistical tests for comparing supervised classification learning algorithms",
 * Neural Computation 10, 1998, uses the approximate one).
 */
export function mcNemarPValue(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const m = Math.min(onlyFirst, onlySecond);
  if (n === 0) return 1;
  // ln C(n, m) + n ln ½, then the terms below m by their ratios C(n, i-1) / C(n, i) = i / (n - i + 1): nothing over- or underflows.
  let logLargest = n * -Math.LN2;
  for (let i = 1; i <= m; i++) logLargest += Math.log((n - m + i) / i);
  let ratio = 1;
  let sum = 1;
  for (let i = m; i > 0 && ratio > Number.EPSILON * sum; i--) {
    ratio *= i / (n - i + 1);
    sum += ratio;
  }
  return Math.min(1, 2 * Math.exp(logLargest + Math.log(sum)));
}
