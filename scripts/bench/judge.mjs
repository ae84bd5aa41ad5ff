// Whether an answer is right. Every answer of every arm passes here; a fast wrong answer is no answer.
const ABSOLUTE = 2e-5;
const RELATIVE = 1e-3;

/**
 * @param expect {{kind: 'typename'} | {kind: 'predict', values: ArrayLike<number>}} what the first output must hold
 * @returns {{outcome: 'ok', receipt: object | null} | {outcome: 'refused', code: string} | {outcome: 'wrong' | 'failed', why: string}}
 */
export function judge(status, body, expect) {
  if (status === 0) return { outcome: 'failed', why: body.toString('utf8') };
  let answer;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    return { outcome: 'failed', why: `HTTP ${status}, and not JSON` };
  }
  if (status !== 200 || answer.errors !== undefined) {
    const error = answer.errors?.[0];
    // A busy pool may also say so in the form of GraphQL.
    if (error?.extensions?.code === 'OVERLOADED') return { outcome: 'refused', code: 'OVERLOADED' };
    return { outcome: 'failed', why: `HTTP ${status}: ${error?.message ?? 'no reason'}` };
  }
  if (expect.kind === 'typename') {
    return answer.data?.__typename === 'Query'
      ? { outcome: 'ok', receipt: null }
      : { outcome: 'wrong', why: 'the type is not Query' };
  }
  const payload = answer.data?.predict;
  const prediction = payload?.prediction;
  if (prediction == null) {
    const error = payload?.errors?.[0];
    return { outcome: 'refused', code: error?.code ?? 'NO_REASON' };
  }
  const difference = compare(prediction.outputs?.[0]?.data, expect.values);
  if (difference !== null) return { outcome: 'wrong', why: difference };
  return { outcome: 'ok', receipt: prediction.receipt ?? null };
}

/** What is wrong with the values, as nested lists or as base64 of float32; null when nothing is. */
export function compare(data, expected) {
  let found = [];
  if (typeof data === 'string') {
    const bytes = Buffer.from(data, 'base64');
    for (let at = 0; at + 4 <= bytes.length; at += 4) found.push(bytes.readFloatLE(at));
  } else if (Array.isArray(data)) {
    found = data;
    while (Array.isArray(found[0])) found = found.length === 1 ? found[0] : found.flat();
  }
  if (found.length !== expected.length) return `${found.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const tolerance = ABSOLUTE + RELATIVE * Math.abs(expected[i]);
    // Not `>`: that would let NaN through.
    if (!(Math.abs(found[i] - expected[i]) <= tolerance)) {
      return `value ${i} is ${found[i]} instead of ${expected[i]}`;
    }
  }
  return null;
}
