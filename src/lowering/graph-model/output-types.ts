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
  ['LookupTableSize', ['int64']],
  ['LookupTableSizeV2', ['int64']],
  ['StaticRegexReplace', ['string']],
  ['StringSplit', ['int64', 'string', 'int64']],
  ['StringNGrams', ['string']],
  ['SparseReshape', ['int64', 'int64']],
  ['SparseFillEmptyRows', ['int64', 'T', 'bool', 'int64']],
  ['TensorListLength', ['int32']],
  ['TensorArraySizeV3', ['int32']],
]);
/** By op and output: the attribute that says its type, and what it is when that is left out, as defaults may be. */
const NAMED: ReadonlyMap<string, readonly (readonly [attribute: string, fallback: Dtype] | undefined)[]> =
  new Map<string, readonly (readonly [string, Dtype] | undefined)[]>([
    ['ArgMax', [['output_type', 'int64']]],
    ['ArgMin', [['output_type', 'int64']]],
    ['Shape', [['out_type', 'int32']]],
    ['Size', [['out_type', 'int32']]],
    ['LowerBound', [['out_type', 'int32']]],
    ['UpperBound', [['out_type', 'int32']]],
    ['Multinomial', [['output_dtype', 'int64']]],
    ['MaxPoolWithArgmax', [undefined, ['Targmax', 'int64']]],
    ['Unique', [undefined, ['out_idx', 'int32']]],
    ['UniqueV2', [undefined, ['out_idx', 'int32']]],
    ['ListDiff', [undefined, ['out_idx', 'int32']]],
  ]);
/** The attribute that names an output's type, the first that a node has. */
const KEYS = ['DstT', 'output_type', 'out_type', 'Tout', 'element_dtype', 'Tparams', 'dtype', 'T'];

/** `null` when it cannot be told. */
export function outputType(node: JsonNode, at: number): Dtype | null {
  if (BOOLEAN.test(node.op)) return 'bool';
  const fixed = FIXED.get(node.op)?.[at];
  if (fixed !== undefined && fixed !== 'T') return fixed;
  const named = NAMED.get(node.op)?.[at];
  if (named !== undefined) return typeAttribute(node, named[0]) ?? named[1];
  if (node.op === 'LookupTableFindV2') return typeAttribute(node, 'Tout');
  for (const key of node.op === 'Range' ? ['Tidx'] : KEYS) {
    const type = typeAttribute(node, key);
    if (type !== null) return type;
  }
  return null;
}
