/**
 * Large constants of a graph become variables: TensorFlow copies constants again and again while it prepares a graph
 * (some fourteen times their size), and restores a variable once. What is lost is folding at load, which for a weight
 * of megabytes is seldom more than a transposition. Smaller graphs keep their constants.
 */
import { elementCount } from '../lib/tensor.js';
import type { MoveLimits } from '../lowering/index.js';
import type { ByteSource } from './byte-source.js';
import { maskedCrc32c } from './crc32c.js';
import { nodesOfPart, type Part, type SavedGraph } from './saved-model-graph.js';
import { ownNode, shapeAttr, typeAttr } from './saved-model-nodes.js';
import type { Holder } from './saved-model-variables.js';
import { attrOf, sizesOf, type NodeProto, type ShapeProto, type TensorProto } from './tensorflow-proto.js';
import { DT, ELEMENT_TYPES } from './tensorflow-types.js';

const MIB = 1024 * 1024;
/**
 * Up to `keptBytes` in all a worker has the memory to let TensorFlow prepare the graph as it is.
 * Below `largeBytes` a constant is a table or a bias, and costs little wherever it is.
 */
export const MOVE_LIMITS: MoveLimits = { keptBytes: 160 * MIB, largeBytes: MIB };

const MOVED_TYPES: ReadonlySet<number> = new Set([
  DT.FLOAT,
  DT.DOUBLE,
  DT.HALF,
  DT.BFLOAT16,
  DT.INT64,
  DT.INT32,
  DT.INT16,
  DT.INT8,
  DT.UINT8,
]);

export interface MovedConstants {
  /** Variables of our own, in the main graph. */
  readonly holders: readonly Holder[];
  /** What stands in the node's place: itself, or nodes of which the last has its name and its output. */
  replace(node: NodeProto, isInFunction: boolean): readonly NodeProto[];
}

interface Large {
  readonly node: NodeProto;
  readonly tensor: TensorProto;
  readonly shape: ShapeProto;
}

/**
 * @param part what is kept of the graph; its constants have been checked against their shapes
 * @param source the file that the graph was decoded from
 * @param whole what was decoded: constants are read from the source again, so that nobody holds all of it in memory
 */
export function moveLargeConstants(
  graph: SavedGraph,
  part: Part,
  source: ByteSource,
  whole: Uint8Array,
  { keptBytes, largeBytes }: MoveLimits,
): MovedConstants {
  const large = [...nodesOfPart(graph, part)].flatMap(([node]) => largeConstant(node, largeBytes) ?? []);
  const bytes = large.reduce((sum, { tensor }) => sum + tensor.tensorContent.length, 0);
  if (bytes <= keptBytes) return { holders: [], replace: (node) => [node] };
  const items = large.map((constant, at) => {
    const name = `moved_${at}`;
    const attr = [
      typeAttr('dtype', constant.tensor.dtype),
      shapeAttr(constant.shape),
      { key: 'shared_name', value: { s: Buffer.from(`souk_${name}`) } },
    ];
    return { ...constant, at, name, attr };
  });
  const moved = new Map(items.map((item) => [item.node, item]));
  return {
    holders: items.map(({ at, name, attr, tensor, shape }) => ({
      node: ownNode(name, 'VarHandleOp', [], attr),
      tensors: [
        {
          // After the names of variables, in the order of the index.
          key: `w${String(at).padStart(6, '0')}`,
          dtype: tensor.dtype,
          sizes: sizesOf(shape) ?? [],
          byteLength: tensor.tensorContent.length,
          crc32c: maskedCrc32c(tensor.tensorContent),
          read: reader(tensor.tensorContent, source, whole),
        },
      ],
    })),
    replace(node, isInFunction) {
      const item = moved.get(node);
      if (item === undefined) return [node];
      const { name, attr, tensor } = item;
      const { dtype } = tensor;
      // A handle of its own wherever the value is read: a function, or a loop's frame, reaches no node outside of it.
      const handle = ownNode(`${name}_handle`, 'VarHandleOp', node.input, attr);
      const port = (output: string): string => (isInFunction ? `:${output}:0` : '');
      const read = ownNode(
        `${name}_read`,
        'ReadVariableOp',
        [`${handle.name}${port('resource')}`],
        [typeAttr('dtype', dtype)],
      );
      return [
        handle,
        read,
        // In a function an output is named: that of an Identity as that of a Const.
        {
          ...node,
          op: 'Identity',
          input: [`${read.name}${port('value')}`],
          attr: [typeAttr('T', dtype)],
        },
      ];
    },
  };
}

function largeConstant(node: NodeProto, largeBytes: number): Large | null {
  if (node.op !== 'Const') return null;
  const tensor = attrOf(node, 'value')?.tensor ?? null;
  const shape = tensor?.tensorShape ?? null;
  if (tensor === null || shape === null || !MOVED_TYPES.has(tensor.dtype)) return null;
  // One value for all, or a list of numbers: such are read by TensorFlow only.
  const wanted = elementCount(sizesOf(shape) ?? []) * (ELEMENT_TYPES.get(tensor.dtype)?.bytes ?? 0);
  const { length } = tensor.tensorContent;
  return length >= largeBytes && length === wanted ? { node, tensor, shape } : null;
}

/** Not a closure over the bytes: that would keep the whole file in memory through the trial. */
function reader(content: Uint8Array, source: ByteSource, whole: Uint8Array): () => Uint8Array {
  if (content.buffer !== whole.buffer)
    throw new Error('A constant was copied out of its file when it was read.');
  const offset = content.byteOffset - whole.byteOffset;
  const { length } = content;
  return () => source.read(offset, length);
}
