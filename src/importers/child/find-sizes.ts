/**
 * Sizes for the dimensions that a model leaves free, found by running it: the usual ones first, then those that its
 * own complaints name, then many. Bounded in runs and in time; each run is bounded by the child's deadline.
 */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import { elementCount, type Signature, type Tensor } from '../../lib/tensor.js';
import type { FreeSizes, Sizes } from '../free-sizes.js';
import { copies, TRIAL_TEXTS, trialInputs, USUAL_FILL, type TrialFill } from '../trial-tensors.js';

export interface Found {
  readonly sizes: Sizes;
  /** Inputs of the same kind in other shapes. */
  readonly inputsOf: (shapes: readonly (readonly number[])[]) => readonly Tensor[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Whoever reads the report should know with which sizes it ran: they were searched for, or given. */
  readonly isNotable: boolean;
}

/** Tried in turn for every free dimension at once, besides the batch. */
const USUAL_SIZES = [1, 8, 32, 64, 224, 320];
/** Windows of sound, side lengths of pictures, lengths of texts, channels. */
const MORE_SIZES = [
  512, 256, 128, 16, 640, 2, 3, 4, 5, 7, 10, 20, 28, 40, 48, 80, 96, 100, 160, 384, 576, 1024, 1600, 16_000,
];
/** Of more free dimensions not each is tried alone before complaints are listened to. */
const MAX_ONE_BY_ONE = 6;
const MAX_RUNS = 400;
const MAX_SEARCH_MS = 15_000;
/** Of all inputs together, for sizes of our choice. */
const MAX_TRIED_ELEMENTS = 2 ** 24;
const MAX_NUMBERS_OF_A_MESSAGE = 12;
const LARGEST_NAMED_SIZE = 2 ** 16;

interface Attempt {
  readonly sizes: Sizes;
  readonly fill: TrialFill;
}

/** @throws the first run's error when nothing runs */
export async function findSizes(model: LoadedModel, signature: Signature, free: FreeSizes): Promise<Found> {
  const tried = new Set<string>();
  const named: Attempt[] = [];
  const startedAt = performance.now();
  let firstError: unknown = new Error('The model has no inputs that could be made up.');
  let runs = 0;

  async function attempt({ sizes, fill }: Attempt): Promise<Found | null> {
    const shapes = free.shapes(sizes);
    const key = JSON.stringify([fill.pattern, TRIAL_TEXTS.indexOf(fill.text), shapes]);
    if (shapes === null || tried.has(key) || (tried.size > 0 && isTooLarge(shapes))) return null;
    tried.add(key);
    const inputsOf: Found['inputsOf'] = (wanted) => trialInputs(signature, wanted, fill);
    const inputs = inputsOf(shapes);
    try {
      const outputs = await model.run(copies(inputs));
      return { sizes, inputsOf, inputs, outputs, isNotable: runs > 0 };
    } catch (error) {
      if (runs++ === 0) firstError = error;
      for (const size of sizesNamedIn(error)) {
        for (const name of [...free.names, ...free.batch])
          named.push({ sizes: new Map([...sizes, [name, size]]), fill });
      }
      return null;
    }
  }

  const usual = free.names.length > 0 ? USUAL_SIZES : [1];
  const together = usual.map((size) => free.all(1, size));
  const oneByOne =
    free.names.length > MAX_ONE_BY_ONE ? [] : usual.flatMap((size) => each(free.names, free, 1, size));
  const texts = signature.inputs.some(({ datatype }) => datatype === 'BYTES') ? TRIAL_TEXTS.slice(1) : [];
  const likely: readonly Attempt[] = [
    ...together.map((sizes) => ({ sizes, fill: USUAL_FILL })),
    ...texts.flatMap((text) => together.map((sizes) => ({ sizes, fill: { ...USUAL_FILL, text } }))),
    ...oneByOne.map((sizes) => ({ sizes, fill: USUAL_FILL })),
  ];
  for (const next of likely) {
    const found = await attempt(next);
    if (found !== null) return found;
  }
  for (const next of inTurn(named, further(signature, free))) {
    if (runs >= MAX_RUNS || performance.now() - startedAt > MAX_SEARCH_MS) break;
    const found = await attempt(next);
    if (found !== null) return found;
  }
  throw firstError;
}

/** For sizes of our choice. */
export function isTooLarge(shapes: readonly (readonly number[])[]): boolean {
  return shapes.reduce((sum, shape) => sum + elementCount(shape), 0) > MAX_TRIED_ELEMENTS;
}

/** One of each by turns: what complaints name is likely, and may still lead nowhere. */
function* inTurn(queue: Attempt[], others: Iterable<Attempt>): Generator<Attempt> {
  const rest = others[Symbol.iterator]();
  for (;;) {
    const next = queue.shift();
    if (next !== undefined) yield next;
    const other = rest.next();
    if (other.done !== true) yield other.value;
    else if (next === undefined) return;
  }
}

function* further(signature: Signature, free: FreeSizes): Generator<Attempt> {
  const hasWholeNumbers = signature.inputs.some(({ datatype }) => !/^(FP|BYTES)/.test(datatype));
  for (const pattern of hasWholeNumbers ? (['ONES', 'ZEROS'] as const) : []) {
    for (const size of [1, 8]) yield { sizes: free.all(1, size), fill: { ...USUAL_FILL, pattern } };
  }
  const every = [...free.names, ...free.batch];
  if (every.length === 0) return;
  for (const size of MORE_SIZES) yield { sizes: free.all(1, size), fill: USUAL_FILL };
  for (const base of [1, 8]) {
    for (const size of [...USUAL_SIZES, ...MORE_SIZES]) {
      for (const sizes of each(every, free, base, size)) yield { sizes, fill: USUAL_FILL };
    }
  }
}

/** One name after the other with a size, the rest with another. */
function each(names: readonly string[], free: FreeSizes, base: number, size: number): Sizes[] {
  return names.map((name) => new Map([...free.all(1, base), [name, size]]));
}

/** Whole numbers in a complaint, without those of node names and places in sources. */
function sizesNamedIn(error: unknown): readonly number[] {
  const message = error instanceof Error ? error.message : '';
  const text = message
    .slice(0, 4000)
    .replace(/Name:\s*'[^']*'|[\w./]+\.(?:cc|h|cpp|py):\d+|[A-Za-z_/][\w./:]*/g, ' ');
  const numbers = [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  const likely = numbers.filter((number) => number > 1 && number <= LARGEST_NAMED_SIZE);
  return [...new Set(likely)].slice(0, MAX_NUMBERS_OF_A_MESSAGE);
}
