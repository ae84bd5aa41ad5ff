/**
 * Types that the engine's library cannot carry across cross as another of the same or more bits: the bits of a float64
 * as an int64, of a float16 as an int32. The nodes that turn one into the other are added to the graph here, so every
 * element arrives and leaves to its last bit.
 */
import { refuseImport } from './refused.js';
import { nodeOf, type SavedGraph } from './saved-model-graph.js';
import { ownNode, SCALAR, shapeAttr, typeAttr } from './saved-model-nodes.js';
import { DT, ELEMENT_TYPES, typeName } from './tensorflow-types.js';
import { attrOf, type NodeProto } from './tensorflow-proto.js';

/**
 * By type: the types that lie between it and what crosses, the last of which crosses. A step between types of one width
 * keeps the bits, any other the value. `tfjs-graph-tensors.ts` does the same with the elements.
 */
const WAYS: ReadonlyMap<number, readonly number[]> = new Map([
  [DT.DOUBLE, [DT.INT64]],
  [DT.UINT64, [DT.INT64]],
  [DT.UINT32, [DT.INT32]],
  [DT.HALF, [DT.UINT16, DT.INT32]],
  [DT.BFLOAT16, [DT.FLOAT]],
  [DT.UINT16, [DT.INT32]],
  [DT.INT16, [DT.INT32]],
  [DT.INT8, [DT.INT32]],
]);
/** Goes in as it is and does not come out. */
const OUT_ONLY: ReadonlyMap<number, readonly number[]> = new Map([[DT.UINT8, [DT.INT32]]]);

export interface Borders {
  /** The tensor to feed in place of the named one. @throws Refused when the graph's node cannot be replaced */
  input(tensor: string, dtype: number, name: string): string;
  /** The tensor to fetch in place of the named one. */
  output(tensor: string, dtype: number): string;
  /** Nodes of the graph that are to be written in another form, by name. */
  readonly replaced: ReadonlyMap<string, NodeProto>;
  readonly nodes: readonly NodeProto[];
}

export function createBorders(graph: SavedGraph): Borders {
  const replaced = new Map<string, NodeProto>();
  const nodes: NodeProto[] = [];
  const inputs = new Map<string, string>();
  const outputs = new Map<string, string>();

  const add = (node: NodeProto): string => {
    nodes.push(node);
    return node.name;
  };
  /** Nodes that turn `from` into each of the types in turn; the last one's name. */
  const walk = (name: string, from: string, dtype: number, types: readonly number[]): string => {
    let current = from;
    let type = dtype;
    for (const [at, next] of types.entries()) {
      current = add({ ...step(current, type, next), name: `souk_${name}_${at}` });
      type = next;
    }
    return current;
  };

  function input(tensor: string, dtype: number, name: string): string {
    const way = WAYS.get(dtype);
    if (way === undefined) return tensor;
    const known = inputs.get(tensor);
    if (known !== undefined) return known;
    const node = graph.byName.get(nodeOf(tensor));
    const crossing = way.at(-1) ?? dtype;
    if (node === undefined || !/:0$/.test(tensor) || !/^Placeholder(WithDefault)?$/.test(node.op)) {
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        name,
        `The input "${name}" is ${typeName(dtype)} and comes in at a ${node?.op ?? 'missing node'}; such a type is taken at a Placeholder only.`,
      );
    }
    const at = inputs.size;
    const shape = shapeAttr(attrOf(node, 'shape')?.shape ?? { ...SCALAR, unknownRank: true });
    const attr = [typeAttr('dtype', crossing), shape];
    const [given = ''] = node.input;
    const border = add(
      node.op === 'Placeholder'
        ? ownNode(`border_in_${at}`, 'Placeholder', [], attr)
        : ownNode(
            `border_in_${at}`,
            'PlaceholderWithDefault',
            [walk(`border_default_${at}`, given, dtype, way)],
            attr,
          ),
    );
    const back = [...way].reverse().slice(1);
    const last = walk(`border_way_${at}`, border, crossing, back);
    replaced.set(node.name, {
      ...step(last, back.at(-1) ?? crossing, dtype),
      name: node.name,
      input: [last, ...node.input.filter((other) => other.startsWith('^'))],
    });
    inputs.set(tensor, `${border}:0`);
    return `${border}:0`;
  }

  function output(tensor: string, dtype: number): string {
    const way = WAYS.get(dtype) ?? OUT_ONLY.get(dtype);
    if (way === undefined) return tensor;
    const known = outputs.get(tensor);
    if (known !== undefined) return known;
    const last = `${walk(`border_out_${outputs.size}`, tensor, dtype, way)}:0`;
    outputs.set(tensor, last);
    return last;
  }

  return { input, output, replaced, nodes };
}

function step(from: string, type: number, next: number): NodeProto {
  const isSameWidth = ELEMENT_TYPES.get(type)?.bytes === ELEMENT_TYPES.get(next)?.bytes;
  return isSameWidth
    ? ownNode('', 'Bitcast', [from], [typeAttr('T', type), typeAttr('type', next)])
    : ownNode('', 'Cast', [from], [typeAttr('SrcT', type), typeAttr('DstT', next)]);
}
