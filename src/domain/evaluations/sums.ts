/**
 * A sum that does not lose small terms beside large ones: Neumaier's variant of Kahan's summation (A. Neumaier,
 * "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974).
 */
export function sumOf(values: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  // After an overflow the correction is NaN; the sum itself says what happened.
  return Number.isNaN(lost) ? sum : sum + lost;
}
