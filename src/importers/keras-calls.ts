/** How Keras 2 and Keras 3 write which layer reads which tensors. */
import { isDimension, isObject, own, ownArray, ownObject, type JsonObject } from './json.js';
import { refuseLayer, type LayerContext } from './keras-options.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

/** A tensor as the file names it: output `tensor` of the `call`-th use of `layer`. */
export interface RawRef {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;
  /** The argument that it is given as; absent for the inputs themselves. */
  readonly argument?: string;
}

/** One use of a layer: what it reads, and the plain values that it is called with. */
export interface RawCall {
  readonly refs: readonly RawRef[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Classes that take several inputs one after the other. */
const SEVERAL_INPUTS = new Set([
  'MultiHeadAttention',
  'GroupQueryAttention',
  'SimpleRNN',
  'LSTM',
  'GRU',
  'Bidirectional',
]);
const RECURRENT_ARGUMENTS = ['initial_state'];
/** Tensors that a layer may be given by name. */
const TENSOR_ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['MultiHeadAttention', ['value', 'key', 'attention_mask']],
  ['GroupQueryAttention', ['value', 'key', 'attention_mask']],
  ['SimpleRNN', RECURRENT_ARGUMENTS],
  ['LSTM', RECURRENT_ARGUMENTS],
  ['GRU', RECURRENT_ARGUMENTS],
  ['Bidirectional', RECURRENT_ARGUMENTS],
]);
/** Values that a layer may be given by name. */
const VALUE_ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Attention', ['use_causal_mask']],
  ['AdditiveAttention', ['use_causal_mask']],
  ['MultiHeadAttention', ['use_causal_mask']],
  ['GroupQueryAttention', ['use_causal_mask']],
]);

/** `input_layers` and `output_layers`: one triple, a list of triples, or a dictionary of them. */
export function parseTensorList(value: unknown, what: string): readonly RawRef[] {
  if (Array.isArray(value)) {
    const single = triple(value);
    if (single !== null) return [single];
    return value.flatMap((item) => [...parseTensorList(item, what)]);
  }
  if (isObject(value)) return Object.values(value).flatMap((item) => [...parseTensorList(item, what)]);
  return refuseImport('CORRUPT_ARTIFACT', null, `The model description has no readable ${what}.`);
}

/** The calls of one layer: for each, the tensors that it reads. */
export function parseCalls(layer: JsonObject, context: LayerContext): readonly RawCall[] {
  const nodes = ownArray(layer, 'inbound_nodes') ?? [];
  if (nodes.length > IMPORT_LIMITS.maxLayers) {
    refuseImport('LIMIT_EXCEEDED', context.name, `Layer "${context.name}" is used ${nodes.length} times.`);
  }
  return nodes.map((node) => {
    const call = isObject(node) ? keras3Call(node, context) : keras2Call(node, context);
    if (!call.refs.some((ref) => ref.argument === undefined))
      refuseImport('CORRUPT_ARTIFACT', context.name, `Layer "${context.name}" is used without any input.`);
    if (call.refs.some((ref) => ref.argument !== undefined) || Object.keys(call.options).length > 0) {
      context.beyondTfjs('is called with further arguments');
    }
    return call;
  });
}

/** `{args: [tensor] | [[tensor, …]], kwargs: {…}}` with tensors as `__keras_tensor__` objects. */
function keras3Call(node: JsonObject, context: LayerContext): RawCall {
  const named = readArguments(ownObject(node, 'kwargs') ?? {}, context, (item) => kerasTensor(item, context));
  const args = ownArray(node, 'args') ?? [];
  const given = args.filter((argument) => argument !== null);
  if (given.length > 1 && !SEVERAL_INPUTS.has(context.className))
    refuseLayer(
      context,
      'is called with several arguments; one tensor or one list of tensors can be served.',
    );
  const refs = given.flat().map((item) => kerasTensor(item, context));
  return { refs: [...refs, ...named.refs], options: named.options };
}

function kerasTensor(value: unknown, context: LayerContext): RawRef {
  if (isObject(value) && own(value, 'class_name') === '__keras_tensor__') {
    const history = ownArray(ownObject(value, 'config') ?? {}, 'keras_history');
    const ref = history === null ? null : triple(history);
    if (ref !== null) return ref;
  }
  return refuseLayer(context, 'is called with something that is not a tensor of the model.');
}

/** `[[layer, call, tensor, kwargs], …]`; a layer with one input may leave out the outer list. */
function keras2Call(node: unknown, context: LayerContext): RawCall {
  if (!Array.isArray(node))
    return refuseImport(
      'CORRUPT_ARTIFACT',
      context.name,
      `The inputs of layer "${context.name}" cannot be read.`,
    );
  const items = triple(node) === null ? (node as unknown[]) : [node];
  const calls = items.map((item): RawCall => {
    const ref = Array.isArray(item) ? triple(item) : null;
    if (ref === null)
      return refuseImport(
        'CORRUPT_ARTIFACT',
        context.name,
        `The inputs of layer "${context.name}" cannot be read.`,
      );
    const given: unknown = (item as unknown[])[3];
    if (!isObject(given)) return { refs: [ref], options: {} };
    const named = readArguments(given, context, (value) =>
      Array.isArray(value) ? (triple(value) ?? refuseArgument(context)) : refuseArgument(context),
    );
    return { refs: [ref, ...named.refs], options: named.options };
  });
  return {
    refs: calls.flatMap((call) => call.refs),
    options: calls.reduce<Record<string, unknown>>((all, call) => Object.assign(all, call.options), {}),
  };
}

function refuseArgument(context: LayerContext): never {
  return refuseLayer(context, 'is called with something that is not a tensor of the model.');
}

/** What a layer is called with by name: tensors and values that its class takes; nothing else that changes the answer. */
function readArguments(given: JsonObject, context: LayerContext, toRef: (value: unknown) => RawRef): RawCall {
  const refs: RawRef[] = [];
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    // Keras 3 notes what it was while the model was built, and says false when it predicts.
    if (name === 'training' && (value === false || context.kerasMajor === 3)) continue;
    if (VALUE_ARGUMENTS.get(context.className)?.includes(name) === true && typeof value === 'boolean') {
      if (value) options[name] = value;
    } else if (TENSOR_ARGUMENTS.get(context.className)?.includes(name) === true) {
      const isList = Array.isArray(value) && triple(value) === null;
      const items: readonly unknown[] = isList ? value : [value];
      refs.push(...items.map((item) => ({ ...toRef(item), argument: name })));
    } else refuseLayer(context, `is called with ${name}, which cannot be served.`);
  }
  return { refs, options };
}

function triple(value: readonly unknown[]): RawRef | null {
  const [layer, call, tensor] = value;
  return typeof layer === 'string' && isDimension(call) && isDimension(tensor)
    ? { layer, call, tensor }
    : null;
}
