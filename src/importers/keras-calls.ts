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
}

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
export function parseCalls(layer: JsonObject, context: LayerContext): readonly (readonly RawRef[])[] {
  const nodes = ownArray(layer, 'inbound_nodes') ?? [];
  if (nodes.length > IMPORT_LIMITS.maxLayers) {
    refuseImport('LIMIT_EXCEEDED', context.name, `Layer "${context.name}" is used ${nodes.length} times.`);
  }
  return nodes.map((node) => {
    const refs = isObject(node) ? keras3Call(node, context) : keras2Call(node, context);
    if (refs.length === 0)
      refuseImport('CORRUPT_ARTIFACT', context.name, `Layer "${context.name}" is used without any input.`);
    return refs;
  });
}

/** `{args: [tensor] | [[tensor, …]], kwargs: {…}}` with tensors as `__keras_tensor__` objects. */
function keras3Call(node: JsonObject, context: LayerContext): readonly RawRef[] {
  checkCallOptions(ownObject(node, 'kwargs') ?? {}, context);
  const args = ownArray(node, 'args') ?? [];
  const given = args.filter((argument) => argument !== null);
  if (given.length > 1)
    refuseLayer(
      context,
      'is called with several arguments; one tensor or one list of tensors can be served.',
    );
  const first = given[0];
  return (Array.isArray(first) ? first : [first]).map((item) => kerasTensor(item, context));
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
function keras2Call(node: unknown, context: LayerContext): readonly RawRef[] {
  if (!Array.isArray(node))
    return refuseImport(
      'CORRUPT_ARTIFACT',
      context.name,
      `The inputs of layer "${context.name}" cannot be read.`,
    );
  const items = triple(node) === null ? (node as unknown[]) : [node];
  return items.map((item) => {
    const ref = Array.isArray(item) ? triple(item) : null;
    if (ref === null)
      return refuseImport(
        'CORRUPT_ARTIFACT',
        context.name,
        `The inputs of layer "${context.name}" cannot be read.`,
      );
    const options: unknown = (item as unknown[])[3];
    if (isObject(options)) checkCallOptions(options, context);
    return ref;
  });
}

/** What a layer may be called with besides its input: nothing that changes the answer. */
function checkCallOptions(options: JsonObject, context: LayerContext): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined) continue;
    if (name === 'training' && value === false) continue;
    refuseLayer(context, `is called with ${name}, which cannot be served.`);
  }
}

function triple(value: readonly unknown[]): RawRef | null {
  const [layer, call, tensor] = value;
  return typeof layer === 'string' && isDimension(call) && isDimension(tensor)
    ? { layer, call, tensor }
    : null;
}
