/** The type of a node's output, from its op and attributes, where the lowering must convert it for callers. */
import type { Dtype } from '../graph.js';
import { typeAttribute } from './attributes.js';
import type { JsonNode } from './graph-model.js';

const BOOLEAN = /^(Greater|Less|Equal|NotEqual|Logical|Is(Finite|Inf|Nan)|All$|Any$)/;
/** By op: the outputs' types where no attribute says them; `T` stands for the attribute. */
const FIXED: ReadonlyMap<string, readonly (Dtype | 'T')[]> = new Map<string, readonly (Dtype | 'T')[]>([
  ['Where', ['int64']],
  ['Rank', ['int32']],
  ['TopKV2', ['T', 'int32']],
  ['NonMaxSuppressionV2', ['int32']],
  ['NonMaxSuppressionV3', ['int32']],
  ['NonMaxSuppressionV4', ['int32', 'int32']],
  ['NonMaxSuppressionV5', ['int32', 'float32', 'int32']],
  ['StringToHashBucketFast', ['int64']],
  ['LookupTableSizeV2', ['int64']],
]);
/** The attribute that names an output's type, the first that a node has. */
const KEYS = ['DstT', 'output_type', 'out_type', 'Tout', 'element_dtype', 'Tparams', 'dtype', 'T'];

/** `null` when it cannot be told. */
export function outputType(node: JsonNode, at: number): Dtype | null {
  if (BOOLEAN.test(node.op)) return 'bool';
  const fixed = FIXED.get(node.op)?.[at];
  if (fixed !== undefined && fixed !== 'T') return fixed;
  if (node.op === 'ArgMax' || node.op === 'ArgMin') return typeAttribute(node, 'output_type') ?? 'int64';
  if (node.op === 'Shape' || node.op === 'Size') return typeAttribute(node, 'out_type') ?? 'int32';
  if (node.op === 'LookupTableFindV2') return typeAttribute(node, 'Tout');
  for (const key of node.op === 'Range' ? ['Tidx'] : KEYS) {
    const type = typeAttribute(node, key);
    if (type !== null) return type;
  }
  return null;
}
