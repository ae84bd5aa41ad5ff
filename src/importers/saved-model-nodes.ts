/** Nodes that are written here and stand in no file. Their names begin with `souk_`, which no node of a file may. */
import { DT } from './tensorflow-types.js';
import type { AttrEntry, NodeProto, ShapeProto } from './tensorflow-proto.js';

export const OWN_NAME = /^souk_/;

export function ownNode(
  name: string,
  op: string,
  input: readonly string[] = [],
  attr: readonly AttrEntry[] = [],
): NodeProto {
  return { name: `souk_${name}`, op, input, device: '', attr };
}

export const typeAttr = (key: string, type: number): AttrEntry => ({ key, value: { type } });

export const shapeAttr = (shape: ShapeProto): AttrEntry => ({ key: 'shape', value: { shape } });

export const SCALAR: ShapeProto = { dim: [], unknownRank: false };

/** A list of strings, as a constant. */
export function stringsNode(name: string, texts: readonly (string | Uint8Array)[]): NodeProto {
  return constantNode(name, DT.STRING, texts.length, {
    tensorContent: new Uint8Array(),
    stringVal: texts.map((text) => (typeof text === 'string' ? Buffer.from(text) : text)),
  });
}

/** A list of numbers, as a constant. @param bytes little-endian, `count` elements */
export function numbersNode(name: string, dtype: number, count: number, bytes: Uint8Array): NodeProto {
  return constantNode(name, dtype, count, { tensorContent: bytes, stringVal: [] });
}

function constantNode(
  name: string,
  dtype: number,
  count: number,
  values: { readonly tensorContent: Uint8Array; readonly stringVal: readonly Uint8Array[] },
): NodeProto {
  const tensor = { dtype, tensorShape: { dim: [{ size: count }], unknownRank: false }, ...values };
  return ownNode(name, 'Const', [], [typeAttr('dtype', dtype), { key: 'value', value: { tensor } }]);
}
