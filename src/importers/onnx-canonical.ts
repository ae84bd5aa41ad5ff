/** What is written anew in an accepted ONNX file, so that the engine computes it and finds nothing of the machine in it. */
import { domainOf, ENGINE_IR_VERSION, ENGINE_OPSET } from './onnx-ops.js';
import { intOf, messageList, textField, withFields, type FieldValue, type Message } from './onnx-wire.js';

export interface CanonicalModel {
  readonly model: Message;
  readonly notes: readonly string[];
}

/**
 * The locale by which `StringNormalizer` changes case: Unicode's rules, and in every Linux C library. The standard's
 * own, en_US, is not on small machines; and a name from the file would choose a file of the machine.
 */
const LOCALE = 'C.UTF-8';

/** Versions that the runtime loads, and one locale. What an accepted model computes stays what it was. */
export function canonicalModel(model: Message): CanonicalModel {
  const notes: string[] = [];
  const newestOf = (opsets: readonly Message[]): bigint =>
    opsets.reduce((newest, opset) => {
      const version = domainOf(textField(opset, 'domain')) === '' ? intOf(opset, 'version') : 0n;
      return version > newest ? version : newest;
    }, 0n);
  const opset = newestOf(messageList(model, 'opset_import'));
  if (opset > BigInt(ENGINE_OPSET)) {
    notes.push(
      `The file uses version ${opset} of ONNX's operators; it is run with version ${ENGINE_OPSET}, in which these compute the same.`,
    );
  }
  const ir = intOf(model, 'ir_version');
  const limited = ir > BigInt(ENGINE_IR_VERSION) ? BigInt(ENGINE_IR_VERSION) : ir;
  return { model: withFields(rewritten(model), { ir_version: limited }), notes };
}

function rewritten(message: Message): Message {
  if (message.type === 'TensorProto') return message;
  if (message.type === 'OperatorSetIdProto') return limitedOpset(message);
  const changes: Record<string, FieldValue> = {};
  for (const [name, value] of message.fields) {
    if (typeof value !== 'object' || Buffer.isBuffer(value)) continue;
    if ('fields' in value) changes[name] = rewritten(value);
    else
      changes[name] = value.map((item) =>
        typeof item === 'object' && 'fields' in item ? rewritten(item) : item,
      );
  }
  return withLocale(Object.keys(changes).length === 0 ? message : withFields(message, changes));
}

function limitedOpset(opset: Message): Message {
  const isStandard = domainOf(textField(opset, 'domain')) === '';
  if (!isStandard || intOf(opset, 'version') <= BigInt(ENGINE_OPSET)) return opset;
  return withFields(opset, { version: BigInt(ENGINE_OPSET) });
}

function withLocale(node: Message): Message {
  const isNormalizer =
    node.type === 'NodeProto' &&
    textField(node, 'op_type') === 'StringNormalizer' &&
    domainOf(textField(node, 'domain')) === '';
  if (!isNormalizer) return node;
  const others = messageList(node, 'attribute').filter(
    (attribute) => textField(attribute, 'name') !== 'locale',
  );
  const locale: Message = {
    type: 'AttributeProto',
    fields: new Map<string, FieldValue>([
      ['name', 'locale'],
      ['s', Buffer.from(LOCALE)],
      ['type', 3n],
    ]),
  };
  return withFields(node, { attribute: [...others, locale] });
}
