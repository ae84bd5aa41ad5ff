/** Attributes of nodes from the JSON of protocol buffers (numbers may be strings, bytes are base64, enums names). */
import {
  DTYPE,
  shapeValue,
  type AttributeEntry,
  type AttributeValue,
  type Dtype,
  type Shape,
} from '../graph.js';
import { refuseLowering } from '../refused.js';
import type { JsonNode } from './graph-model.js';

type Json = Readonly<Record<string, unknown>>;

const NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    DT_FLOAT: 1, DT_DOUBLE: 2, DT_INT32: 3, DT_UINT8: 4, DT_INT16: 5, DT_INT8: 6, DT_STRING: 7, DT_COMPLEX64: 8,
    DT_INT64: 9, DT_BOOL: 10, DT_QINT8: 11, DT_QUINT8: 12, DT_QINT32: 13, DT_BFLOAT16: 14, DT_UINT16: 17,
    DT_COMPLEX128: 18, DT_HALF: 19, DT_RESOURCE: 20, DT_VARIANT: 21, DT_UINT32: 22, DT_UINT64: 23,
  }),
); // prettier-ignore
const BY_NUMBER: ReadonlyMap<number, Dtype> = new Map(
  Object.entries(DTYPE).map(([name, number]) => [number, name as Dtype]),
);

/** TensorFlow's number of a type that JSON names; `null` when it is none. */
export function typeNumber(value: unknown): number | null {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  return typeof value === 'string' ? (NAMES.get(value) ?? null) : null;
}

/** `null` for types that a lowered graph does not compute with. */
export function dtypeOf(value: unknown): Dtype | null {
  return BY_NUMBER.get(typeNumber(value) ?? -1) ?? null;
}

/** The type that an attribute names. */
export function typeAttribute(node: JsonNode, key: string): Dtype | null {
  return dtypeOf(field(object(node.attributes[key]), 'type'));
}

export function textsAttribute(node: JsonNode, key: string): readonly string[] {
  const list = object(field(object(node.attributes[key]), 'list'));
  const texts = field(list, 's');
  return Array.isArray(texts)
    ? texts.map((text) => Buffer.from(String(text), 'base64').toString('latin1'))
    : [];
}

export function numberAttribute(node: JsonNode, key: string, fallback: number): number {
  const value = object(node.attributes[key]);
  const found = field(value, 'f') ?? field(value, 'i');
  return found === undefined ? fallback : Number(found);
}

/** @param leftOut attributes that the written op does not know */
export function attributesOf(node: JsonNode, leftOut: ReadonlySet<string> = new Set()): AttributeEntry[] {
  return Object.entries(node.attributes).flatMap(([key, value]): AttributeEntry[] => {
    // What begins with an underscore are notes of TensorFlow's optimiser to itself.
    if (key.startsWith('_') || leftOut.has(key)) return [];
    return [{ key, value: attributeValue(value, node) }];
  });
}

function attributeValue(json: unknown, node: JsonNode): AttributeValue {
  const value = object(json);
  const text = field(value, 's');
  if (text !== undefined) return { s: Buffer.from(String(text), 'base64') };
  const integer = field(value, 'i');
  if (integer !== undefined) return { i: Number(integer) };
  const float = field(value, 'f');
  if (float !== undefined) return { f: Number(float) };
  const flag = field(value, 'b');
  if (flag !== undefined) return { b: flag === true };
  const type = field(value, 'type');
  if (type !== undefined) return { type: typeNumber(type) ?? 0 };
  const shape = field(value, 'shape');
  if (shape !== undefined) return { shape: shapeValue(shapeOf(shape)) };
  const func = field(value, 'func');
  if (func !== undefined) return { func: { name: String(field(object(func), 'name') ?? ''), attr: [] } };
  const list = field(value, 'list');
  // An empty list is written as an empty object, or not at all.
  if (list !== undefined || Object.keys(value).length === 0) return { list: listValue(object(list)) };
  return refuseLowering(node.name, `Node "${node.name}" (${node.op}) has an attribute of an unknown form.`);
}

function listValue(list: Json): NonNullable<AttributeValue['list']> {
  const items = (key: string): readonly unknown[] | null => {
    const value = field(list, key);
    return Array.isArray(value) && value.length > 0 ? value : null;
  };
  const [s, i, f, b, type, shape, func] = ['s', 'i', 'f', 'b', 'type', 'shape', 'func'].map(items);
  return {
    ...(s ? { s: s.map((text) => Buffer.from(String(text), 'base64')) } : {}),
    ...(i ? { i: i.map(Number) } : {}),
    ...(f ? { f: f.map(Number) } : {}),
    ...(b ? { b: b.map((flag) => flag === true) } : {}),
    ...(type ? { type: type.map((name) => typeNumber(name) ?? 0) } : {}),
    ...(shape ? { shape: shape.map((item) => shapeValue(shapeOf(item))) } : {}),
    ...(func
      ? { func: func.map((item) => ({ name: String(field(object(item), 'name') ?? ''), attr: [] })) }
      : {}),
  };
}

/** `null` when not even the rank is known. */
function shapeOf(json: unknown): Shape | null {
  const value = object(json);
  if (field(value, 'unknownRank') === true) return null;
  const dimensions = field(value, 'dim');
  if (!Array.isArray(dimensions)) return [];
  return dimensions.map((dimension) => {
    const size = Number(field(object(dimension), 'size') ?? -1);
    return size < 0 ? null : size;
  });
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function field(value: Json, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
