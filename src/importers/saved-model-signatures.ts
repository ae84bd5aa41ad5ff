/** The signatures of a SavedModel: which can be served, with which tensors, and which answers when none is named. */
import { DEFAULT_SIGNATURE } from '../lib/tensor.js';
import type { ModelTensor } from './converted-model.js';
import { IMPORT_LIMITS } from './limits.js';
import { Refused, refuseImport } from './refused.js';
import { checkUnchanging } from './saved-model-check.js';
import { nodeOf, partReachedFrom, type Part, type SavedGraph } from './saved-model-graph.js';
import { ELEMENT_TYPES, plainType, typeName } from './tensorflow-types.js';
import { sizesOf, type SignatureEntry, type TensorInfoEntry } from './tensorflow-proto.js';

/** The first that there is answers when a prediction names none; without any of them the first by name. */
const PREFERRED = [DEFAULT_SIGNATURE, 'default', 'predict'];
/** How TensorFlow itself calls what it does at load and in training; nothing for callers. */
const INTERNAL_SIGNATURE = /^__saved_model_/;
const MAX_SIGNATURES = 64;

/** A tensor with TensorFlow's type of it, which may be another than callers see. */
export interface SignatureTensor extends ModelTensor {
  readonly dtype: number;
}

export interface FoundSignature {
  readonly name: string;
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  readonly part: Part;
}

export interface FoundSignatures {
  /** The default one first, the others by name. */
  readonly served: readonly [FoundSignature, ...FoundSignature[]];
  readonly notes: readonly string[];
}

/**
 * A signature that cannot be served is left out with a note when another can; but not the one that everybody expects to
 * answer, because another would then answer in its place.
 * @throws Refused when that one or none can be served
 */
export function readSignatures(entries: readonly SignatureEntry[], graph: SavedGraph): FoundSignatures {
  const known = entries.filter(({ key }) => !INTERNAL_SIGNATURE.test(key)).sort(byPreference);
  checkNames(known);
  const served: FoundSignature[] = [];
  const refused: { readonly name: string; readonly refusal: Refused }[] = [];
  for (const entry of known) {
    try {
      served.push(readSignature(entry, graph));
    } catch (error) {
      const isOfSignature = error instanceof Refused && error.refusal.code !== 'CORRUPT_ARTIFACT';
      if (!isOfSignature || entry.key === DEFAULT_SIGNATURE) throw error;
      refused.push({ name: entry.key, refusal: error });
    }
  }
  const [first, ...others] = served;
  if (first === undefined) {
    const [reason] = refused;
    if (reason !== undefined) throw reason.refusal;
    return refuseImport('UNSUPPORTED_FORMAT', 'saved_model.pb', NO_SIGNATURE);
  }
  const notes = refused.map(
    ({ name, refusal }) => `The signature "${name}" is not served: ${refusal.refusal.message}`,
  );
  if (others.length > 0 || refused.length > 0) {
    notes.push(`The signature "${first.name}" answers predictions that name none.`);
  }
  return { served: [first, ...others], notes: notes.slice(0, MAX_SIGNATURES) };
}

const NO_SIGNATURE =
  'The SavedModel has no signature, so nothing says what it takes and gives. Export it with a serving signature, for example model.export(path) in Keras.';

function byPreference(a: SignatureEntry, b: SignatureEntry): number {
  const rank = ({ key }: SignatureEntry): number =>
    (PREFERRED.indexOf(key) + PREFERRED.length + 1) % (PREFERRED.length + 1);
  return rank(a) - rank(b) || (a.key < b.key ? -1 : 1);
}

function checkNames(entries: readonly SignatureEntry[]): void {
  if (entries.length > MAX_SIGNATURES) {
    refuseImport(
      'LIMIT_EXCEEDED',
      'saved_model.pb',
      `The SavedModel has ${entries.length} signatures; at most ${MAX_SIGNATURES} are accepted.`,
    );
  }
  const names = new Set(entries.map(({ key }) => key));
  const unusable = entries.find(({ key }) => key === '' || key.length > IMPORT_LIMITS.maxNameLength);
  if (names.size < entries.length || unusable !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      unusable?.key ?? 'saved_model.pb',
      'The SavedModel has signatures without a usable name of their own.',
    );
  }
}

function readSignature(entry: SignatureEntry, graph: SavedGraph): FoundSignature {
  const inputs = tensorsOf(entry, 'inputs', graph);
  const outputs = tensorsOf(entry, 'outputs', graph);
  const part = partReachedFrom(
    graph,
    [...inputs, ...outputs].map((tensor) => nodeOf(tensor.node)),
  );
  checkUnchanging(graph, part);
  checkFed(graph, part.nodes, inputs);
  return { name: entry.key, inputs, outputs, part };
}

function tensorsOf(
  signature: SignatureEntry,
  side: 'inputs' | 'outputs',
  graph: SavedGraph,
): SignatureTensor[] {
  const entries = signature.value?.[side] ?? [];
  if (entries.length > IMPORT_LIMITS.maxInputs || (side === 'outputs' && entries.length === 0)) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      signature.key,
      `The signature "${signature.key}" has ${entries.length} ${side}; at most ${IMPORT_LIMITS.maxInputs} inputs and at least one output are accepted.`,
    );
  }
  const names = new Set(entries.map(({ key }) => key));
  if (names.size < entries.length || names.has('')) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      signature.key,
      `The signature "${signature.key}" has ${side} without a name of their own.`,
    );
  }
  return entries.map((entry) => tensorOf(entry, side, graph));
}

function tensorOf(
  { key, value }: TensorInfoEntry,
  side: 'inputs' | 'outputs',
  graph: SavedGraph,
): SignatureTensor {
  const what = side === 'inputs' ? 'input' : 'output';
  if (key.length > IMPORT_LIMITS.maxNameLength) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      key,
      `The name of an ${what} is longer than ${IMPORT_LIMITS.maxNameLength} characters.`,
    );
  }
  // The default of a bytes field is empty, and then it was not there.
  const isSparse = (value?.cooSparse?.length ?? 0) + (value?.compositeTensor?.length ?? 0) > 0;
  if (value === null || isSparse) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      key,
      `The ${what} "${key}" is sparse or made of several tensors; only plain ones are served.`,
    );
  }
  if (!graph.byName.has(nodeOf(value.name)) || !/^[^:^]+:\d{1,4}$/.test(value.name)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      key,
      `The signature names the tensor "${value.name}", which is not in the graph.`,
    );
  }
  const dtype = plainType(value.dtype);
  const datatype = ELEMENT_TYPES.get(dtype)?.datatype ?? null;
  if (datatype === null) {
    const carried = [...ELEMENT_TYPES.values()].filter((known) => known.datatype !== null);
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      key,
      `The ${what} "${key}" is ${typeName(dtype)}; an ${what} of a SavedModel can be ${carried.map((known) => known.name).join(', ')}.`,
    );
  }
  const shape = sizesOf(value.tensorShape);
  if (side === 'inputs') checkInputShape(key, shape);
  return { name: key, node: value.name, dtype, datatype, shape };
}

function checkInputShape(name: string, shape: readonly number[] | null): void {
  if (shape === null || shape.length > IMPORT_LIMITS.maxRank) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The input "${name}" does not say how many dimensions it has (or more than ${IMPORT_LIMITS.maxRank}).`,
    );
  }
  const elements = shape.reduce((product, size) => product * Math.max(1, size), 1);
  if (shape.includes(0) || elements > IMPORT_LIMITS.maxInputElements) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `The input "${name}" has the shape [${shape.join(', ')}]; 1 to ${IMPORT_LIMITS.maxInputElements} elements are accepted.`,
    );
  }
}

/** A run with an open placeholder would fail in the middle, with TensorFlow's words. */
function checkFed(graph: SavedGraph, served: ReadonlySet<string>, inputs: readonly SignatureTensor[]): void {
  const fed = new Set(inputs.map(({ node }) => nodeOf(node)));
  const open = graph.nodes.find(
    (node) => node.op === 'Placeholder' && served.has(node.name) && !fed.has(node.name),
  );
  if (open !== undefined) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      open.name,
      `The graph needs the input "${open.name}", which its signature does not name.`,
    );
  }
}
