/**
 * The pack: one canonical file per runnable model, written by an import and read by a worker.
 * Layout: 8 bytes magic, uint32 little-endian header length, JSON header, zero padding up to a multiple
 * of 8, then the weights. The padding lets a worker view float32 weights where they lie, without a copy.
 * A pack holds no path and no URL, so loading it cannot reach anything but its own bytes.
 */
import { ok, refuse, type Refusal, type Result } from '../lib/result.js';
import { elementCount, type Signature } from '../lib/tensor.js';
import type { CompactGraph } from '../lowering/index.js';
import type { RuntimeName } from './types.js';

const MAGIC = 'SOUKPK01';
const PREFIX_BYTES = 12;
const ALIGNMENT = 8;

/** As tfjs names it: one tensor of the weight block, in order. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool' | 'string' | 'complex64';
  readonly quantization?: {
    readonly dtype: 'uint8' | 'uint16' | 'float16';
    readonly scale?: number;
    readonly min?: number;
  };
}

/** Which engines can load which kind of pack: the only place that says so. */
export const ENGINES_OF_KIND = {
  'tfjs-layers': ['tfjs-node', 'tfjs-wasm'],
  'tfjs-graph': ['tfjs-node', 'tfjs-wasm'],
  'saved-model': ['tfjs-graph'],
  // One file, `model.onnx`.
  onnx: ['onnx'],
} as const satisfies Readonly<Record<string, readonly RuntimeName[]>>;

export type PackKind = keyof typeof ENGINES_OF_KIND;

export function enginesFor(kind: PackKind): readonly RuntimeName[] {
  return ENGINES_OF_KIND[kind];
}

/** A file that an engine wants as it is: a name of ours and its size. Files lie one after the other. */
export interface PackFile {
  readonly name: string;
  readonly byteLength: number;
}

/** Another way to call the model, for engines that know several: the weights are the same. */
export interface PackSignature {
  readonly name: string;
  readonly signature: Signature;
  readonly inputNodes: readonly string[];
  readonly outputNodes: readonly string[];
}
/** The model as one TensorFlow graph, its weights taken from the pack's; the graph as base64. */
export type LoweredGraphHeader = Omit<CompactGraph, 'graph'> & { readonly graph: string };

export interface PackHeader {
  readonly kind: PackKind;
  /** For the engine `tfjs-graph`, beside the form that the kind names. */
  readonly lowered?: LoweredGraphHeader;
  readonly modelTopology: unknown;
  /** What the weight block holds, in order. Empty where it holds `files`. */
  readonly weightSpecs: readonly WeightSpec[];
  /** In place of weights: whole files, in order. */
  readonly files?: readonly PackFile[];
  readonly signature: Signature;
  /**
   * The names under which the runtime knows the tensors, in the signature's order: layer tensors or
   * graph nodes. The signature shows the names that callers use.
   */
  readonly inputNodes: readonly string[];
  readonly outputNodes: readonly string[];
  /** Beside the one above, which answers when none is named. */
  readonly otherSignatures?: readonly PackSignature[];
  /** As found in a graph model's model.json; runtimes that need it pass it through. */
  readonly graphSignature?: unknown;
  readonly initializerSignature?: unknown;
  readonly initializer?: unknown;
}

/** The header part of a pack: write it, then the weight bytes. */
export function encodePackHeader(header: PackHeader): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const total = Math.ceil((PREFIX_BYTES + json.length) / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(total);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(json.length, MAGIC.length);
  json.copy(bytes, PREFIX_BYTES);
  return bytes;
}

/** Splits a pack into header and weights; the weights are a view, not a copy. */
export function decodePack(
  bytes: Uint8Array,
): Result<{ readonly header: PackHeader; readonly weights: Uint8Array }, Refusal<'LOAD_FAILED'>> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < PREFIX_BYTES || view.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return refuse({ code: 'LOAD_FAILED', message: 'The file is not a model pack.' });
  }
  const jsonLength = view.readUInt32LE(MAGIC.length);
  const start = Math.ceil((PREFIX_BYTES + jsonLength) / ALIGNMENT) * ALIGNMENT;
  if (start > view.length) return refuse({ code: 'LOAD_FAILED', message: 'The model pack is cut short.' });
  try {
    // Our own import wrote it, and its digest has been checked: the shape can be relied on.
    const header = JSON.parse(view.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + jsonLength)) as PackHeader;
    return ok({ header, weights: bytes.subarray(start) });
  } catch {
    return refuse({ code: 'LOAD_FAILED', message: "The model pack's header is not JSON." });
  }
}

/** The files of a pack, by name; views, not copies. Empty for a pack that holds weights. */
export function packFiles(header: PackHeader, weights: Uint8Array): ReadonlyMap<string, Uint8Array> {
  let offset = 0;
  return new Map(
    (header.files ?? []).map(({ name, byteLength }) => {
      const bytes = weights.subarray(offset, offset + byteLength);
      offset += byteLength;
      return [name, bytes];
    }),
  );
}

/** What the model will take in memory once it is loaded, as far as the header tells: quantised weights are widened. */
export function expectedMemoryBytes(header: PackHeader): number {
  const weights = header.weightSpecs.reduce(
    (sum, spec) => sum + elementCount(spec.shape) * (spec.dtype === 'bool' ? 1 : 4),
    0,
  );
  return (header.files ?? []).reduce((sum, file) => sum + file.byteLength, weights);
}
