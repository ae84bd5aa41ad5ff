/** What the variables and tables of a SavedModel hold: checked against its index, and written anew as one checkpoint. */
import { elementCount } from '../lib/tensor.js';
import type { Archive } from './archive.js';
import type { ByteSource } from './byte-source.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { VARIABLE_OPS } from './saved-model-ops.js';
import type { Restored } from './saved-model-saver.js';
import { stringsProblem } from './stored-strings.js';
import { DT, ELEMENT_TYPES, typeName } from './tensorflow-types.js';
import { attrOf, sizesOf, toNumber, type BundleEntry, type NodeProto } from './tensorflow-proto.js';
import { readVariablesIndex, writeVariablesIndex, type VariablesIndex } from './variables-index.js';

/** One tensor of the checkpoint that is written here. */
export interface StoredTensor {
  readonly key: string;
  readonly dtype: number;
  readonly sizes: readonly number[];
  readonly byteLength: number;
  /** Of the bytes, as the file had it: TensorFlow compares it when it restores. */
  readonly crc32c: number;
  read(): Uint8Array;
}

/** A variable, or a table whose entries are in the checkpoint. */
export interface Holder {
  readonly node: NodeProto;
  /** Of a variable its value; of a table its keys, then its values. */
  readonly tensors: readonly StoredTensor[];
}

/**
 * @param nodes of the served part: variables, and tables
 * @param base the SavedModel's folder in the archive, with its slash
 * @throws Refused naming the variable
 */
export function readHolders(
  archive: Archive,
  base: string,
  nodes: readonly NodeProto[],
  restored: Restored,
): readonly Holder[] {
  // A table that no checkpoint fills is filled at load, or empty.
  const held = nodes.filter(({ name, op }) => VARIABLE_OPS.has(op) || restored.tables.has(name));
  if (held.length === 0) return [];
  const indexName = `${base}variables/variables.index`;
  const index = readVariablesIndex(bytesOf(archive, indexName));
  let count = 0;
  const stored = (node: NodeProto, name: string, dtype: number): StoredTensor => {
    const entry = index.entries.get(name);
    if (entry === undefined) {
      return refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `The variable "${node.name}" has no value in ${indexName}.`,
      );
    }
    return storedTensor(archive, base, node, index, entry, dtype, `v${String(count++).padStart(6, '0')}`);
  };
  return held.map((node) => {
    if (VARIABLE_OPS.has(node.op)) {
      const name = restored.variables.get(node.name) ?? '';
      return { node, tensors: [stored(node, name, attrOf(node, 'dtype')?.type ?? 0)] };
    }
    const { keys, values } = restored.tables.get(node.name) ?? { keys: '', values: '' };
    const keyType = attrOf(node, 'key_dtype')?.type ?? 0;
    const valueType = attrOf(node, 'value_dtype')?.type ?? 0;
    return { node, tensors: [stored(node, keys, keyType), stored(node, values, valueType)] };
  });
}

function bytesOf(archive: Archive, name: string): Buffer {
  const source = archive.files.get(name);
  if (source === undefined) {
    return refuseImport(
      'CORRUPT_ARTIFACT',
      name,
      `The SavedModel has variables, but the archive holds no ${name}.`,
    );
  }
  if (source.size > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `${name} has ${source.size} bytes; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`,
    );
  }
  return source.read(0, source.size);
}

function storedTensor(
  archive: Archive,
  base: string,
  node: NodeProto,
  index: VariablesIndex,
  entry: BundleEntry,
  dtype: number,
  key: string,
): StoredTensor {
  const { sizes, byteLength } = checkEntry(node, entry, dtype);
  const pad = (number: number): string => String(number).padStart(5, '0');
  const file = `${base}variables/variables.data-${pad(entry.shardId)}-of-${pad(index.shards)}`;
  const shard: ByteSource | undefined = archive.files.get(file);
  if (shard === undefined) {
    return refuseImport('CORRUPT_ARTIFACT', file, `The archive holds no ${file}, where variables lie.`);
  }
  const offset = toNumber(entry.offset);
  if (!(offset >= 0 && offset + byteLength <= shard.size)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      node.name,
      `The value of the variable "${node.name}" is cut off: it lies past the end of its file.`,
    );
  }
  if (dtype === DT.STRING) {
    const problem = stringsProblem(shard.read(offset, byteLength), elementCount(sizes));
    if (problem !== null) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `The texts of the variable "${node.name}" cannot be read: ${problem}.`,
      );
    }
  }
  return {
    key,
    dtype,
    sizes,
    byteLength,
    crc32c: entry.crc32c,
    read: () => shard.read(offset, byteLength),
  };
}

/** The graph's word, the index's word and the number of bytes must be one. */
function checkEntry(
  node: NodeProto,
  entry: BundleEntry,
  dtype: number,
): { readonly sizes: readonly number[]; readonly byteLength: number } {
  const type = ELEMENT_TYPES.get(entry.dtype);
  const sizes = sizesOf(entry.shape);
  if (type === undefined || sizes === null || entry.slices.length > 0) {
    const what = entry.slices.length > 0 ? 'is kept in parts' : `is of ${typeName(entry.dtype)}`;
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      node.name,
      `The variable "${node.name}" ${what}, which Souk does not read.`,
    );
  }
  // Texts tell their lengths themselves; each takes a byte at least.
  const size = toNumber(entry.size);
  const byteLength = type.bytes === null ? size : elementCount(sizes) * type.bytes;
  const declared = sizesOf(attrOf(node, 'shape')?.shape);
  const fits =
    declared === null ||
    !VARIABLE_OPS.has(node.op) ||
    (declared.length === sizes.length &&
      declared.every((wanted, at) => wanted === -1 || wanted === sizes[at]));
  if (dtype !== entry.dtype || !fits || byteLength !== size || !(size >= 0) || sizes.includes(-1)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      node.name,
      `The variable "${node.name}" is ${typeName(entry.dtype)} [${sizes.slice(0, 16).join(', ')}] of ${size} bytes in the checkpoint, which is not what the graph says.`,
    );
  }
  if (byteLength > IMPORT_LIMITS.maxWeightBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      node.name,
      `The variable "${node.name}" takes ${byteLength} bytes; at most ${IMPORT_LIMITS.maxWeightBytes} are accepted.`,
    );
  }
  return { sizes, byteLength };
}

/** `variables.index` for values that lie one after the other in one file. */
export function indexOf(tensors: readonly StoredTensor[]): Buffer {
  let offset = 0;
  return writeVariablesIndex(
    tensors.map(({ key, dtype, sizes, byteLength, crc32c }) => {
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
