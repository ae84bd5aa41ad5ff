// Faults in what callers are promised while one of them floods the server.
const EARLY = 'test/unit/http/early-refusal.test.ts';
const TURNSTILE = 'test/unit/http/turnstile.test.ts';

/** @type {import('./plant.mjs').Fault[]} */
export const OVERLOAD_FAULTS = [
  {
    name: 'refuse-a-replay-at-the-door',
    file: 'src/graphql/early-refusal.ts',
    find: " && (input['idempotencyKey'] ?? null) === null",
    replace: '',
    tests: [EARLY],
  },
  {
    name: 'refuse-at-the-door-by-any-operation',
    file: 'src/graphql/early-refusal.ts',
    find: 'if (wanted !== null && wanted !== operationName) return false;',
    replace: '',
    tests: [EARLY],
  },
  {
    name: 'take-a-document-for-a-lone-prediction',
    file: 'src/graphql/lone-predict.ts',
    find: ' || operation.selectionSet.selections.length !== 1',
    replace: '',
    tests: [EARLY],
  },
  {
    name: 'repeat-the-first-refusal',
    file: 'src/graphql/early-refusal.ts',
    find: 'cutAtMarks(body, marks)',
    replace: 'cutAtMarks(body, marks.slice(0, 1))',
    tests: [EARLY],
  },
  {
    name: 'hold-a-place-for-who-was-refused',
    file: 'src/domain/predictions/refuse-if-full.ts',
    find: 'admission.value.leave();',
    replace: '',
    tests: ['test/unit/predictions/refuse-if-full.test.ts'],
  },
  {
    name: 'foresee-more-than-is-refused',
    file: 'src/inference/fairness.ts',
    find: '?.weight ?? 1, 0)',
    replace: '?.weight ?? 1, 9)',
    tests: ['test/unit/inference/fairness.test.ts'],
  },
  {
    name: 'one-line-at-the-turnstile',
    file: 'src/http/turnstile.ts',
    find: 'const line = this.#lines.get(caller);',
    replace: 'const [line] = this.#lines.values();',
    tests: [TURNSTILE],
  },
  {
    name: 'forget-who-has-gone',
    file: 'src/http/turnstile.ts',
    find: 'this.#connections -= 1;',
    replace: '',
    tests: [TURNSTILE],
  },
  {
    name: 'no-hurry-for-connections',
    file: 'src/http/turnstile.ts',
    find: 'this.#openingTurns = OPENING_TURNS;',
    replace: '',
    tests: [TURNSTILE],
  },
  {
    name: 'let-all-wait-when-a-fact-is-old',
    file: 'src/lib/fresh-cache.ts',
    find: 'readingOf(key, read).catch(() => undefined);',
    replace: '',
    tests: ['test/unit/lib/fresh-cache.test.ts'],
  },
  {
    name: 'use-a-fact-for-longer-while-it-is-read-again',
    file: 'src/lib/fresh-cache.ts',
    find: 'entry === undefined || !isGood(entry)',
    replace: 'entry === undefined',
    tests: ['test/unit/lib/fresh-cache.test.ts'],
  },
  {
    name: 'let-a-crowd-fill-the-runs-of-others',
    file: 'src/inference/batcher.ts',
    find: 'return isLedByCrowd || ',
    replace: 'return true || ',
    tests: ['test/unit/inference/batcher.test.ts'],
  },
  {
    name: 'believe-any-slope',
    file: 'src/inference/cost-model.ts',
    find: 'const SPREAD_DECAY = 0.995;',
    replace: 'const SPREAD_DECAY = 0.8;',
    tests: ['test/unit/inference/cost-model.test.ts'],
  },
  {
    name: 'run-all-graphs-on-one-thread',
    file: 'src/inference/engine-options.ts',
    find: "isolation === 'thread' ? workers + maxStuckThreads : 1",
    replace: '1',
    tests: ['test/integration/inference/graphs-at-once.test.ts'],
  },
];
