/** Constants of a graph: sizes are checked by what they claim, before anything makes room for them. */
import { elementCount } from '../lib/tensor.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { DT, ELEMENT_TYPES, typeName } from './tensorflow-types.js';
import { sizesOf, type AttrEntry, type NodeProto, type TensorProto } from './tensorflow-proto.js';

/** A string's place in memory, beside its bytes. */
const STRING_BYTES = 24;
const FLOATS: ReadonlySet<number> = new Set([DT.FLOAT, DT.DOUBLE, DT.BFLOAT16, DT.HALF]);

function tensorsIn(attr: readonly AttrEntry[]): readonly TensorProto[] {
  return attr.flatMap(({ value }) => [
    ...(value?.tensor === null || value?.tensor === undefined ? [] : [value.tensor]),
    ...(value?.list?.tensor ?? []),
    ...(value?.func === null || value?.func === undefined ? [] : tensorsIn(value.func.attr)),
    ...(value?.list?.func ?? []).flatMap((inner) => tensorsIn(inner.attr)),
  ]);
}

/** One value may stand for a million: what counts is the shape. @throws Refused */
export function checkConstants(nodes: readonly NodeProto[]): void {
  let total = 0;
  for (const node of nodes) {
    for (const tensor of tensorsIn(node.attr)) {
      const type = ELEMENT_TYPES.get(tensor.dtype);
      const sizes = sizesOf(tensor.tensorShape) ?? [];
      if (type === undefined || sizes.length > 254 || sizes.includes(-1)) {
        return refuseImport(
          'UNSUPPORTED_TENSOR',
          node.name,
          `The constant "${node.name}" is of ${typeName(tensor.dtype)} and the shape [${sizes.slice(0, 16).join(', ')}], which Souk does not read.`,
        );
      }
      total += elementCount(sizes) * (type.bytes ?? STRING_BYTES);
      // Not only the sum: adding up infinities and NaN must not slip through.
      if (!(total <= IMPORT_LIMITS.maxWeightBytes)) {
        refuseImport(
          'LIMIT_EXCEEDED',
          node.name,
          `The constants of the graph take more than ${IMPORT_LIMITS.maxWeightBytes} bytes (reached in "${node.name}", of the shape [${sizes.slice(0, 16).join(', ')}]).`,
        );
      }
    }
  }
}

/** Numbers in constants that look learnt: floating point and more than one. */
export function constantParameters(nodes: readonly NodeProto[]): number {
  let count = 0;
  for (const node of nodes) {
    if (node.op !== 'Const') continue;
    for (const { dtype, tensorShape } of tensorsIn(node.attr)) {
      const elements = elementCount(sizesOf(tensorShape) ?? []);
      if (FLOATS.has(dtype) && elements > 1) count += elements;
    }
  }
  return count;
}

/** The strings of a constant: those that are written out, the last one standing for the rest. */
export function stringsOf(tensor: TensorProto | null | undefined): readonly string[] {
  if (tensor?.dtype !== DT.STRING) return [];
  const count = elementCount(sizesOf(tensor.tensorShape) ?? []);
  if (count > IMPORT_LIMITS.maxTensors) return [];
  const written = tensor.stringVal.map((bytes) => Buffer.from(bytes).toString('utf8'));
  return Array.from({ length: count }, (_, at) => written[at] ?? written.at(-1) ?? '');
}
