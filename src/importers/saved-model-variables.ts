/** The variables of a SavedModel: checked against their index, and written anew as one checkpoint of ours. */
import { elementCount } from '../lib/tensor.js';
import type { Archive } from './archive.js';
import type { ByteSource } from './byte-source.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import type { RestoredVariables } from './saved-model-saver.js';
import { ELEMENT_TYPES, typeName } from './tensorflow-types.js';
import { attrOf, sizesOf, toNumber, type BundleEntry, type NodeProto } from './tensorflow-proto.js';
import { readVariablesIndex, writeVariablesIndex } from './variables-index.js';

/** A variable that the served graph reads. */
export interface Variable {
  readonly node: NodeProto;
  /** In the checkpoint that is written here. */
  readonly key: string;
  readonly dtype: number;
  readonly sizes: readonly number[];
  readonly byteLength: number;
  /** Of the bytes, as the file had it: TensorFlow compares it when it restores. */
  readonly crc32c: number;
  read(): Uint8Array;
}

/**
 * @param nodes the served VarHandleOps
 * @param base the SavedModel's folder in the archive, with its slash
 * @throws Refused naming the variable
 */
export function readVariables(
  archive: Archive,
  base: string,
  nodes: readonly NodeProto[],
  restored: RestoredVariables,
): readonly Variable[] {
  if (nodes.length === 0) return [];
  const indexName = `${base}variables/variables.index`;
  const source = archive.files.get(indexName);
  if (source === undefined) {
    return refuseImport(
      'CORRUPT_ARTIFACT',
      indexName,
      `The SavedModel has variables, but the archive holds no ${indexName}.`,
    );
  }
  if (source.size > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      indexName,
      `${indexName} has ${source.size} bytes; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`,
    );
  }
  const index = readVariablesIndex(source.read(0, source.size));
  const shardOf = (entry: BundleEntry): ByteSource => {
    const pad = (number: number): string => String(number).padStart(5, '0');
    const name = `${base}variables/variables.data-${pad(entry.shardId)}-of-${pad(index.shards)}`;
    const shard = archive.files.get(name);
    return (
      shard ?? refuseImport('CORRUPT_ARTIFACT', name, `The archive holds no ${name}, where variables lie.`)
    );
  };
  return nodes.map((node, at) => {
    const entry = index.entries.get(restored.get(node.name) ?? '');
    if (entry === undefined) {
      return refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `The variable "${node.name}" has no value in ${indexName}.`,
      );
    }
    const { sizes, byteLength } = checkEntry(node, entry);
    const shard = shardOf(entry);
    const offset = toNumber(entry.offset);
    if (offset < 0 || offset + byteLength > shard.size) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `The value of the variable "${node.name}" is cut off: it lies past the end of its file.`,
      );
    }
    return {
      node,
      key: `v${String(at).padStart(6, '0')}`,
      dtype: entry.dtype,
      sizes,
      byteLength,
      crc32c: entry.crc32c,
      read: () => shard.read(offset, byteLength),
    };
  });
}

/** The graph's word, the index's word and the number of bytes must be one. */
function checkEntry(
  node: NodeProto,
  entry: BundleEntry,
): { readonly sizes: readonly number[]; readonly byteLength: number } {
  const width = ELEMENT_TYPES.get(entry.dtype)?.bytes ?? null;
  const sizes = sizesOf(entry.shape);
  if (width === null || sizes === null || entry.slices.length > 0) {
    const what = entry.slices.length > 0 ? 'is kept in parts' : `is of ${typeName(entry.dtype)}`;
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      node.name,
      `The variable "${node.name}" ${what}, which Souk does not read.`,
    );
  }
  const byteLength = elementCount(sizes) * width;
  const declared = sizesOf(attrOf(node, 'shape')?.shape);
  const fits =
    declared === null ||
    (declared.length === sizes.length && declared.every((size, at) => size === -1 || size === sizes[at]));
  if (
    attrOf(node, 'dtype')?.type !== entry.dtype ||
    !fits ||
    byteLength !== toNumber(entry.size) ||
    sizes.includes(-1)
  ) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      node.name,
      `The variable "${node.name}" is ${typeName(entry.dtype)} [${sizes.slice(0, 16).join(', ')}] of ${toNumber(entry.size)} bytes in the checkpoint, which is not what the graph says.`,
    );
  }
  return { sizes, byteLength };
}

/** `variables.index` for values that lie one after the other in one file. */
export function indexOf(variables: readonly Variable[]): Buffer {
  let offset = 0;
  return writeVariablesIndex(
    variables.map(({ key, dtype, sizes, byteLength, crc32c }) => {
      const entry = {
        dtype,
        shape: { dim: sizes.map((size) => ({ size })) },
        shardId: 0,
        offset,
        size: byteLength,
        crc32c,
      };
      offset += byteLength;
      return [key, entry];
    }),
  );
}
