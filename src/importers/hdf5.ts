/**
 * HDF5, read by the HDF5 library itself compiled to WebAssembly, from a file system that holds one file.
 * That file's reads come from an open file of ours, piece by piece, so its size does not matter; every
 * other path in a hostile file (external links, external storage, virtual sources) leads to nothing.
 * They are refused all the same, before any value is read, in one audit of the whole tree.
 */
import { randomUUID } from 'node:crypto';
import { Attribute, ready, type Metadata } from 'h5wasm';
import type { ByteSource } from './byte-source.js';
import { fromFloat16Bits } from '../lib/float16.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

export interface Hdf5Dataset {
  readonly path: string;
  readonly shape: readonly number[];
  readonly element: 'float16' | 'float32' | 'float64' | 'other';
  /** Of the values, unpacked. */
  readonly byteLength: number;
}

export interface Hdf5File {
  /** Names in a group, in the file's order; empty for what is no group. */
  children(path: string): readonly string[];
  hasGroup(path: string): boolean;
  dataset(path: string): Hdf5Dataset | null;
  /** A text attribute, whichever of the four ways of storing text was used; `null` when absent. */
  text(path: string, attribute: string): string | null;
  /** A list of texts; Keras splits long lists into `name0`, `name1`, … */
  texts(path: string, attribute: string): readonly string[] | null;
  /** Values as little-endian float32, whatever width the file has. */
  readFloat32(dataset: Hdf5Dataset): Uint8Array;
}

type H5Module = Awaited<typeof ready>;

const H5T_FLOAT = 1;
const H5T_STRING = 3;
const ALLOWED_FILTERS = new Set([1, 2, 3]); // deflate, shuffle, fletcher32
const MAX_CHUNK_BYTES = 256 * 1024 * 1024;
const MAX_ATTRIBUTE_BYTES = IMPORT_LIMITS.maxJsonBytes;

/**
 * Opens and audits. The file stays open: the child that reads it is thrown away.
 * @throws Refused for damaged files, links out of the file, unknown filters, and sizes that the file cannot hold
 */
export async function openHdf5(source: ByteSource): Promise<Hdf5File> {
  const module = await ready;
  const mounted = mountSource(module, source);
  const file = module.open(mounted, module.H5F_ACC_RDONLY);
  if (file < 0n) {
    refuseImport('CORRUPT_ARTIFACT', null, 'The HDF5 file is damaged or cut short: it cannot be opened.');
  }
  const groups = new Map<string, readonly string[]>();
  const datasets = new Map<string, Hdf5Dataset>();
  let audited: string | null = null;
  try {
    audit();
  } catch (error) {
    rethrowAsCorrupt(error, audited);
  }

  /** Walks every link of the file once, without following any that leads elsewhere. */
  function audit(): void {
    const pending: { path: string; depth: number }[] = [{ path: '/', depth: 0 }];
    let objects = 0;
    let totalBytes = 0;
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const names = module.get_names(file, at.path, false);
      groups.set(at.path, names);
      for (const name of names) {
        const path = at.path === '/' ? `/${name}` : `${at.path}/${name}`;
        if (++objects > IMPORT_LIMITS.maxHdf5Objects) {
          refuseImport(
            'LIMIT_EXCEEDED',
            path,
            `The HDF5 file has more than ${IMPORT_LIMITS.maxHdf5Objects} objects.`,
          );
        }
        audited = path;
        refuseLink(path);
        const type = module.get_type(file, path);
        if (type === module.H5G_GROUP) {
          // A hard link back to a parent makes the tree endless; the depth bound ends that walk too.
          if (at.depth >= IMPORT_LIMITS.maxHdf5Depth) {
            refuseImport(
              'LIMIT_EXCEEDED',
              path,
              `The HDF5 file nests groups deeper than ${IMPORT_LIMITS.maxHdf5Depth} levels.`,
            );
          }
          pending.push({ path, depth: at.depth + 1 });
        } else if (type === module.H5G_DATASET) {
          const dataset = auditDataset(path);
          totalBytes += dataset.byteLength;
          datasets.set(path, dataset);
        }
      }
    }
    const allowed = Math.max(IMPORT_LIMITS.expansionFloorBytes, source.size * IMPORT_LIMITS.maxExpansion);
    if (totalBytes > allowed) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `The HDF5 file of ${source.size} bytes claims to hold ${totalBytes} bytes of values.`,
      );
    }
  }

  function refuseLink(path: string): void {
    if (module.get_symbolic_link(file, path) !== null) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        path,
        `"${path}" in the HDF5 file is a soft link; only values in place are accepted.`,
      );
    }
    if (module.get_external_link(file, path).filename !== undefined) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        path,
        `"${path}" in the HDF5 file is a link to another file; everything must be in the one file.`,
      );
    }
  }

  function auditDataset(path: string): Hdf5Dataset {
    const metadata = module.get_dataset_metadata(file, path);
    if (metadata.virtual_sources !== undefined) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        path,
        `"${path}" in the HDF5 file is a virtual dataset that reads other files; store the values in place.`,
      );
    }
    const filter = module.get_dataset_filters(file, path).find(({ id }) => !ALLOWED_FILTERS.has(id));
    if (filter !== undefined) {
      refuseImport(
        'UNSUPPORTED_TENSOR',
        path,
        `"${path}" is packed with HDF5 filter ${filter.id}; gzip, shuffle and fletcher32 are read.`,
      );
    }
    const shape = metadata.shape ?? [];
    const byteLength = shape.reduce((product, dimension) => product * dimension, metadata.size);
    if (
      shape.length > 32 ||
      !shape.every((dimension) => dimension >= 0) ||
      !Number.isSafeInteger(byteLength)
    ) {
      refuseImport('LIMIT_EXCEEDED', path, `"${path}" has the impossible shape [${shape.join(', ')}].`);
    }
    if (metadata.chunks === null && byteLength > source.size) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        path,
        `"${path}" claims ${byteLength} bytes of values (shape [${shape.join(', ')}]), but the whole file has ${source.size}.`,
      );
    }
    const chunkBytes = (metadata.chunks ?? []).reduce(
      (product, dimension) => product * dimension,
      metadata.size,
    );
    if (byteLength > IMPORT_LIMITS.maxWeightBytes || chunkBytes > MAX_CHUNK_BYTES) {
      refuseImport(
        'LIMIT_EXCEEDED',
        path,
        `"${path}" would take ${Math.max(byteLength, chunkBytes)} bytes; at most ${IMPORT_LIMITS.maxWeightBytes} are read.`,
      );
    }
    return { path, shape, element: elementOf(metadata), byteLength };
  }

  function attributeValue(path: string, name: string): unknown {
    const known = groups.has(path) || datasets.has(path);
    if (!known || !module.get_attribute_names(file, path).includes(name)) return null;
    const metadata = module.get_attribute_metadata(file, path, name);
    const bytes = metadata.size * metadata.total_size;
    if (!(bytes <= MAX_ATTRIBUTE_BYTES)) {
      refuseImport('LIMIT_EXCEEDED', name, `The attribute ${name} of the HDF5 file has ${bytes} bytes.`);
    }
    // Keras writes text only; other kinds are not ours to interpret.
    if (metadata.type !== H5T_STRING && !metadata.vlen) return null;
    return new Attribute(file, path, name).value;
  }

  function textList(path: string, name: string): readonly string[] | null {
    const value = attributeValue(path, name);
    if (typeof value === 'string') return [value];
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
  }

  return Object.freeze({
    children: (path: string) => groups.get(path) ?? [],
    hasGroup: (path: string) => groups.has(path),
    dataset: (path: string) => datasets.get(path) ?? null,
    text(path: string, name: string) {
      return guarded(name, () => {
        const value = attributeValue(path, name);
        return typeof value === 'string' ? value.replace(/\0+$/, '') : null;
      });
    },
    texts(path: string, name: string) {
      return guarded(name, () => {
        const whole = textList(path, name);
        if (whole !== null) return whole.map((item) => item.replace(/\0+$/, ''));
        const parts: string[] = [];
        for (let i = 0; ; i++) {
          const part = textList(path, `${name}${i}`);
          if (part === null) return i === 0 ? null : parts;
          parts.push(...part.map((item) => item.replace(/\0+$/, '')));
        }
      });
    },
    readFloat32: (dataset: Hdf5Dataset) => guarded(dataset.path, () => readFloat32(module, file, dataset)),
  });
}

function elementOf(metadata: Metadata): Hdf5Dataset['element'] {
  if (metadata.type !== H5T_FLOAT) return 'other';
  if (metadata.size === 2) return 'float16';
  if (metadata.size === 4) return 'float32';
  return metadata.size === 8 ? 'float64' : 'other';
}

/** Reads along the first axis in pieces, so that no more than a piece is in the WASM heap at a time. */
function readFloat32(module: H5Module, file: bigint, dataset: Hdf5Dataset): Uint8Array {
  const { path, shape, element } = dataset;
  if (element === 'other') {
    refuseImport('UNSUPPORTED_TENSOR', path, `"${path}" does not hold floating point values.`);
  }
  const width = { float16: 2, float32: 4, float64: 8 }[element];
  const elements = dataset.byteLength / width;
  const target = new Float32Array(elements);
  const rows = shape.length === 0 ? 1 : (shape[0] ?? 0);
  const rowBytes = rows === 0 ? 0 : dataset.byteLength / rows;
  const rowsPerPiece = Math.max(1, Math.floor(IMPORT_LIMITS.hdf5PieceBytes / Math.max(1, rowBytes)));
  for (let row = 0; row < rows; row += rowsPerPiece) {
    const count = Math.min(rowsPerPiece, rows - row);
    const bytes = count * rowBytes;
    if (bytes === 0) continue;
    const pointer = module._malloc(bytes);
    if (pointer === 0) {
      refuseImport('LIMIT_EXCEEDED', path, `"${path}" has rows of ${rowBytes} bytes, too large to be read.`);
    }
    const whole = shape.length === 0;
    const status = module.get_dataset_data(
      file,
      path,
      whole ? null : [count, ...shape.slice(1)].map(BigInt),
      whole ? null : [row, ...shape.slice(1).map(() => 0)].map(BigInt),
      whole ? null : shape.map(() => 1n),
      BigInt(pointer),
    );
    if (status < 0) {
      refuseImport('CORRUPT_ARTIFACT', path, `The values of "${path}" cannot be read: the file is damaged.`);
    }
    widen(module.HEAPU8.slice(pointer, pointer + bytes), element, target, (row * rowBytes) / width);
    module._free(pointer);
  }
  return new Uint8Array(target.buffer);
}

function widen(
  bytes: Uint8Array,
  element: 'float16' | 'float32' | 'float64',
  target: Float32Array,
  at: number,
): void {
  if (element === 'float32') target.set(new Float32Array(bytes.buffer), at);
  else if (element === 'float64') target.set(new Float64Array(bytes.buffer), at);
  else target.set(Array.from(new Uint16Array(bytes.buffer), fromFloat16Bits), at);
}

/** Puts one read-only file into the module's memory file system whose bytes are read from `source` on demand. */
function mountSource(module: H5Module, source: ByteSource): string {
  const name = randomUUID();
  // The node operations of an Emscripten file system are not in h5wasm's types: this is the border.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const node: any = (module.FS as any).createFile('/', name, {}, true, false);
  const getattr = node.node_ops.getattr;
  node.node_ops = {
    ...node.node_ops,
    getattr: (of: unknown) => ({ ...getattr(of), size: source.size }),
    setattr: () => undefined,
  };
  node.stream_ops = {
    llseek(stream: { position: number }, offset: number, whence: number): number {
      if (whence === 1) return stream.position + offset;
      return whence === 2 ? source.size + offset : offset;
    },
    read(_stream: unknown, heap: Int8Array, offset: number, length: number, position: number): number {
      if (position >= source.size || length === 0) return 0;
      return source.readInto(new Uint8Array(heap.buffer, heap.byteOffset + offset, length), position);
    },
  };
  return `/${name}`;
}

/** A failure of the HDF5 library on a stranger's file is a damaged file, not a fault of ours. */
function guarded<T>(subject: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    return rethrowAsCorrupt(error, subject);
  }
}

function rethrowAsCorrupt(error: unknown, subject: string | null): never {
  if (error instanceof Error && 'refusal' in error) throw error;
  const reason = (error instanceof Error ? error.message : String(error)).replace(/^error - |[.!]$/g, '');
  const where = subject === null ? '' : ` at "${subject}"`;
  return refuseImport('CORRUPT_ARTIFACT', subject, `The HDF5 file is damaged${where}: ${reason}.`);
}
