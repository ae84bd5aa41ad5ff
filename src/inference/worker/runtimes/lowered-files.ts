/** The file of a lowered model: its graph is in the pack's header, its weights where every engine finds them. */
import { writeSavedModel, type WeightNode, type WeightValue } from '../../../lowering/index.js';
import { fromFloat16Bits } from '../../../lib/float16.js';
import type { LoweredGraphHeader, PackHeader, WeightSpec } from '../../pack.js';
import { ModelLoadError } from './runtime.js';

export function loweredFiles(
  lowered: LoweredGraphHeader,
  header: PackHeader,
  weights: Uint8Array,
): ReadonlyMap<string, Uint8Array> {
  const places = placesOf(header.weightSpecs, weights);
  const bytes = writeSavedModel({ ...lowered, graph: Buffer.from(lowered.graph, 'base64') }, (node) =>
    valueOf(node, places),
  );
  return new Map([['saved_model.pb', bytes]]);
}

interface Place {
  readonly spec: WeightSpec;
  readonly bytes: Uint8Array;
}

const PACKED_BYTES = { uint8: 1, uint16: 2, float16: 2 } as const;
const ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1, complex64: 8 } as const;

/** Where each weight lies: one after the other, as the specs say. */
function placesOf(specs: readonly WeightSpec[], weights: Uint8Array): ReadonlyMap<string, Place> {
  let offset = 0;
  return new Map(
    specs.map((spec) => {
      const count = spec.shape.reduce((product, size) => product * size, 1);
      const byteLength =
        spec.dtype === 'string'
          ? stringBytes(weights, offset, count)
          : count * (spec.quantization ? PACKED_BYTES[spec.quantization.dtype] : ELEMENT_BYTES[spec.dtype]);
      const bytes = weights.subarray(offset, offset + byteLength);
      if (bytes.length < byteLength) throw new ModelLoadError('The model pack is cut short.');
      offset += byteLength;
      return [spec.name, { spec, bytes }];
    }),
  );
}

/** Strings lie with their lengths before them, 4 bytes each, little-endian. */
function stringBytes(weights: Uint8Array, start: number, count: number): number {
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  let at = start;
  for (let i = 0; i < count; i++) at += 4 + view.getUint32(at, true);
  return at - start;
}

/** @throws ModelLoadError when the graph asks for a weight that is not there, or as another kind of number */
function valueOf({ weight, dtype }: WeightNode, places: ReadonlyMap<string, Place>): WeightValue {
  const place = places.get(weight);
  if (place === undefined) throw new ModelLoadError(`The model pack has no weight "${weight}".`);
  const { spec, bytes } = place;
  if (spec.dtype === 'string') return stringsIn(bytes);
  if (spec.quantization === undefined && spec.dtype === dtype) return bytes;
  const numbers = numbersIn(spec, bytes);
  switch (dtype) {
    case 'float32':
      return bytesOf(Float32Array.from(numbers));
    case 'float64':
      return bytesOf(Float64Array.from(numbers));
    case 'int32':
      return bytesOf(Int32Array.from(numbers));
    case 'int64':
      return bytesOf(BigInt64Array.from(numbers, BigInt));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(numbers);
    case 'int8':
      return bytesOf(Int8Array.from(numbers));
    default:
      throw new ModelLoadError(`The weight "${weight}" cannot become ${dtype}.`);
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function stringsIn(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

/**
 * A weight as plain numbers. Quantised ones are `value * scale + min`, rounded where the weight is an integer; so
 * does TensorFlow.js (`tfjs-core/src/io/io_utils.ts`).
 */
function numbersIn(spec: WeightSpec, bytes: Uint8Array): Float32Array | Int32Array | Uint8Array {
  const { quantization } = spec;
  // A copy: a view needs its start at a multiple of its element's size.
  const own = bytes.slice();
  if (quantization === undefined) {
    if (spec.dtype === 'float32') return new Float32Array(own.buffer);
    return spec.dtype === 'int32' ? new Int32Array(own.buffer) : own;
  }
  if (quantization.dtype === 'float16')
    return Float32Array.from(new Uint16Array(own.buffer), fromFloat16Bits);
  const { scale = 1, min = 0 } = quantization;
  const packed = quantization.dtype === 'uint8' ? own : new Uint16Array(own.buffer);
  if (spec.dtype === 'int32') return Int32Array.from(packed, (value) => Math.round(value * scale + min));
  return Float32Array.from(packed, (value) => value * scale + min);
}
