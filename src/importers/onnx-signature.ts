/** The inputs and outputs of an ONNX graph as callers see them, and the graph whose outputs are all tensors. */
import { isBuiltInName } from './json.js';
import type { ModelTensor } from './converted-model.js';
import { IMPORT_LIMITS } from './limits.js';
import { describeType } from './onnx-graph.js';
import { domainOf } from './onnx-ops.js';
import { datatypeOf, dimensionNamesOf, shapeOfType } from './onnx-tensors.js';
import {
  bytesField,
  intOf,
  messageField,
  messageList,
  readVarints,
  textField,
  textList,
  withFields,
  type Message,
} from './onnx-wire.js';
import { refuseImport } from './refused.js';

export interface OnnxSignature {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Without ZipMap. */
  readonly graph: Message;
  readonly notes: readonly string[];
}

/** @throws Refused naming the input or output that callers could not send or receive */
export function readOnnxSignature(graph: Message): OnnxSignature {
  const notes: string[] = [];
  const inputs = inputsOf(graph);
  const zipMaps = new Map(
    messageList(graph, 'node')
      .filter(
        (node) =>
          textField(node, 'op_type') === 'ZipMap' && domainOf(textField(node, 'domain')) === 'ai.onnx.ml',
      )
      .map((node) => [textList(node, 'output')[0] ?? '', node]),
  );
  const infos = messageList(graph, 'output');
  checkNames(infos, 'output');
  const outputs: ModelTensor[] = [];
  const kept = new Map<string, Message>();
  const removed = new Set<Message>();
  for (const info of infos) {
    const name = textField(info, 'name');
    const zipMap = zipMaps.get(name);
    const source = zipMap === undefined ? undefined : textList(zipMap, 'input')[0];
    if (zipMap !== undefined && source !== undefined) {
      removed.add(zipMap);
      notes.push(zipMapNote(name, zipMap));
      if (!kept.has(source)) kept.set(source, floatTensorInfo(source));
      outputs.push({ name, node: source, datatype: 'FP32', shape: null });
      continue;
    }
    kept.set(name, info);
    outputs.push(tensorOf(info, 'output'));
  }
  const nodes = messageList(graph, 'node').filter((node) => !removed.has(node));
  return { inputs, outputs, notes, graph: withFields(graph, { node: nodes, output: [...kept.values()] }) };
}

function inputsOf(graph: Message): readonly ModelTensor[] {
  // Before IR version 4 every initialiser is listed among the inputs; those have their values already.
  const given = new Set(messageList(graph, 'initializer').map((tensor) => textField(tensor, 'name')));
  const infos = messageList(graph, 'input').filter((info) => !given.has(textField(info, 'name')));
  checkNames(infos, 'input');
  return infos.map((info) => {
    const tensor = tensorOf(info, 'input');
    const { name, shape } = tensor;
    if (shape === null || shape.length > IMPORT_LIMITS.maxRank) {
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        name,
        `The input "${name}" does not say how many dimensions it has (or more than ${IMPORT_LIMITS.maxRank}).`,
      );
    }
    const elements = shape.reduce((product, dimension) => product * Math.abs(dimension), 1);
    if (elements < 1 || elements > IMPORT_LIMITS.maxInputElements) {
      refuseImport(
        'LIMIT_EXCEEDED',
        name,
        `The input "${name}" has the shape [${shape.join(', ')}]; 1 to ${IMPORT_LIMITS.maxInputElements} elements are accepted.`,
      );
    }
    return tensor;
  });
}

function checkNames(infos: readonly Message[], side: 'input' | 'output'): void {
  const names = infos.map((info) => textField(info, 'name'));
  if (side === 'output' && names.length === 0) {
    refuseImport('CORRUPT_ARTIFACT', null, 'The model has no outputs.');
  }
  if (names.length > IMPORT_LIMITS.maxInputs) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The model has ${names.length} ${side}s; ${IMPORT_LIMITS.maxInputs} are accepted.`,
    );
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '' || name.length > IMPORT_LIMITS.maxNameLength || isBuiltInName(name) || seen.has(name)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name || null,
        `The model has an ${side} named "${name}", which is not usable or not unique.`,
      );
    }
    seen.add(name);
  }
}

function tensorOf(info: Message, side: 'input' | 'output'): ModelTensor {
  const name = textField(info, 'name');
  const type = messageField(info, 'type');
  const tensorType = type === null || type.fields.size !== 1 ? null : messageField(type, 'tensor_type');
  const datatype = tensorType === null ? null : datatypeOf(intOf(tensorType, 'elem_type'));
  if (tensorType === null || datatype === null) {
    const found = describeType(type);
    const advice = /list|map/.test(found)
      ? ' Of a scikit-learn classifier, convert with options={"zipmap": False}.'
      : '';
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The ${side} "${name}" is ${found}; callers exchange tensors of numbers, booleans or strings.${advice}`,
    );
  }
  return {
    name,
    node: name,
    datatype,
    shape: shapeOfType(tensorType, name),
    dimensionNames: dimensionNamesOf(tensorType),
  };
}

/** ZipMap's input is always a tensor of float, one column for each class. */
function floatTensorInfo(name: string): Message {
  const message = (type: string, fields: Message['fields']): Message => ({ type, fields });
  const tensor = message('TypeProto.Tensor', new Map([['elem_type', 1n]]));
  const type = message('TypeProto', new Map([['tensor_type', tensor]]));
  return message(
    'ValueInfoProto',
    new Map<string, string | Message>([
      ['name', name],
      ['type', type],
    ]),
  );
}

const MAX_CLASSES_SHOWN = 20;

function zipMapNote(name: string, zipMap: Message): string {
  const labels = messageList(zipMap, 'attribute').flatMap((attribute) => {
    const strings = attribute.fields.get('strings');
    const numbers = bytesField(attribute, 'ints');
    if (numbers !== null && numbers.length < 10_000) return readVarints(numbers).map(String);
    return Array.isArray(strings) ? strings.map((text) => String(text)) : [];
  });
  const shown =
    labels.slice(0, MAX_CLASSES_SHOWN).join(', ') + (labels.length > MAX_CLASSES_SHOWN ? ', …' : '');
  return `The output "${name}" was a list of maps from class to probability; it is a tensor now, with one column for each class: ${shown}.`;
}
