/** What one row's scores say about the true class. Pure. */

/**
 * Probabilities are kept this far from 0 and 1 before their logarithm is taken, as Keras does
 * (`keras.backend.epsilon()`), so that one confident mistake does not make the loss infinite.
 */
export const EPSILON = 1e-7;
/** How far the sum of probabilities may be from 1: single precision, and rounding by exporters. */
const SUM_TOLERANCE = 1e-3;

export interface Scored {
  /** Index of the class with the highest score, the first of equals; -1 when no score is a number. */
  readonly predicted: number;
  /** What the model gives the predicted class; NaN when the scores are no probabilities. */
  readonly probability: number;
  /** Cross-entropy of the row, -ln p(true class); NaN when the scores are no probabilities. */
  readonly loss: number;
  /** Classes that come before the true one, equals in order of index: 0 means right. */
  readonly rank: number;
}

/** Scores of all classes. `areLogits`: they are unscaled, and softmax makes probabilities of them. */
export function scoreClasses(scores: Float64Array, actual: number, areLogits: boolean): Scored {
  const predicted = argMax(scores);
  const rank = rankOf(scores, actual);
  if (!scores.every(Number.isFinite)) return { predicted, probability: NaN, loss: NaN, rank };
  if (areLogits) {
    const logarithms = logSoftmax(scores);
    const loss = 0 - (logarithms[actual] ?? NaN);
    return { predicted, probability: Math.exp(logarithms[predicted] ?? NaN), loss, rank };
  }
  if (!areProbabilities(scores)) return { predicted, probability: NaN, loss: NaN, rank };
  return {
    predicted,
    probability: scores[predicted] ?? NaN,
    loss: -Math.log(clipped(scores[actual] ?? 0)),
    rank,
  };
}

/** One score, of the second of two classes. */
export function scoreBinary(score: number, actual: number, threshold: number, isLogit: boolean): Scored {
  if (!Number.isFinite(score)) return { predicted: -1, probability: NaN, loss: NaN, rank: 2 };
  const positive = isLogit ? sigmoid(score) : score;
  const predicted = positive >= threshold ? 1 : 0;
  const rank = predicted === actual ? 0 : 1;
  if (positive < 0 || positive > 1) return { predicted, probability: NaN, loss: NaN, rank };
  const probability = predicted === 1 ? positive : 1 - positive;
  if (isLogit) {
    // -ln σ(z) = ln(1 + e^-z), without overflow for either sign of z.
    const z = actual === 1 ? score : -score;
    return { predicted, probability, loss: Math.max(-z, 0) + Math.log1p(Math.exp(-Math.abs(z))), rank };
  }
  return { predicted, probability, loss: -Math.log(clipped(actual === 1 ? positive : 1 - positive)), rank };
}

function clipped(probability: number): number {
  return Math.min(1 - EPSILON, Math.max(EPSILON, probability));
}

function argMax(scores: Float64Array): number {
  let best = -1;
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] as number;
    if (!Number.isNaN(score) && (best < 0 || score > (scores[best] as number))) best = index;
  }
  return best;
}

/** NaN counts as less than everything. */
function rankOf(scores: Float64Array, actual: number): number {
  const own = scores[actual] ?? NaN;
  if (Number.isNaN(own)) return scores.length;
  let rank = 0;
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] as number;
    if (score > own || (score === own && index < actual)) rank++;
  }
  return rank;
}

/** ln softmax(z) = z - max - ln Σ e^(z - max): shifted by the maximum, so that nothing overflows. */
export function logSoftmax(logits: Float64Array): Float64Array {
  let max = -Infinity;
  for (const logit of logits) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  // Not less `max + ln Σ` at once: beside a large maximum the small logarithm would be rounded away.
  const logSum = Math.log(sum);
  return logits.map((logit) => logit - max - logSum);
}

function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : 1 - 1 / (1 + Math.exp(logit));
}

function areProbabilities(scores: Float64Array): boolean {
  let sum = 0;
  for (const score of scores) {
    if (score < -EPSILON || score > 1 + SUM_TOLERANCE) return false;
    sum += score;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}
