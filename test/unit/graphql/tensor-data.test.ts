import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkInputs } from '../../../src/domain/predictions/check-inputs.js';
import { encodeTensor } from '../../../src/graphql/tensor-data.js';
import { fromFloat16Bits, toFloat16Bits } from '../../../src/lib/float16.js';
import {
  bytesPerElement,
  DATATYPES,
  elementCount,
  type Datatype,
  type Tensor,
} from '../../../src/lib/tensor.js';

const LIMITS = { maxBytes: 1 << 24, maxRows: 4096 };

function tensorOf(datatype: Datatype): fc.Arbitrary<Tensor> {
  return fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const count = elementCount(shape);
    const size = bytesPerElement(datatype);
    const data =
      size === null
        ? fc.array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count }).map(bytesOfTexts)
        : fc
            .uint8Array({ minLength: count * size, maxLength: count * size })
            .map((bytes) => canonical(datatype, bytes));
    return data.map((bytes) => ({ name: 'x', datatype, shape, data: bytes }));
  });
}

function bytesOfTexts(texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => {
    const content = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    return Buffer.concat([length, content]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** One of the many bit patterns of NaN, no negative zero (JSON text has neither), and booleans 0 or 1. */
function canonical(datatype: Datatype, bytes: Uint8Array): Uint8Array {
  const fix = (value: number) => (Number.isNaN(value) ? NaN : value + 0);
  if (datatype === 'BOOL') return bytes.map((byte) => byte & 1);
  if (datatype === 'FP32') return new Uint8Array(new Float32Array(bytes.slice().buffer).map(fix).buffer);
  if (datatype === 'FP64') return new Uint8Array(new Float64Array(bytes.slice().buffer).map(fix).buffer);
  if (datatype === 'FP16') {
    const bits = new Uint16Array(bytes.slice().buffer).map((half) =>
      toFloat16Bits(fix(fromFloat16Bits(half))),
    );
    return new Uint8Array(bits.buffer);
  }
  return bytes;
}

function decode(tensor: Tensor, data: unknown): Tensor {
  const signature = { inputs: [{ name: 'x', datatype: tensor.datatype, shape: tensor.shape }], outputs: [] };
  const result = checkInputs(signature, [{ shape: tensor.shape, data }], LIMITS);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.tensors[0] as Tensor;
}

describe.each(DATATYPES)('%s', (datatype) => {
  it.each(['JSON', 'BASE64'] as const)('survives %s and its text, bit for bit', (encoding) => {
    fc.assert(
      fc.property(tensorOf(datatype), (tensor) => {
        const sent = JSON.parse(JSON.stringify(encodeTensor(tensor, encoding).data)) as unknown;
        const back = decode(tensor, sent);
        expect(Buffer.from(back.data).equals(Buffer.from(tensor.data))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('encodeTensor', () => {
  const values: Tensor = {
    name: 'y',
    datatype: 'FP32',
    shape: [2, 2],
    data: new Uint8Array(new Float32Array([1, NaN, Infinity, -Infinity]).buffer),
  };

  it('writes numbers that JSON does not have as strings, and counts them', () => {
    expect(encodeTensor(values, 'JSON')).toEqual({
      name: 'y',
      datatype: 'FP32',
      shape: [2, 2],
      data: [
        [1, 'NaN'],
        ['Infinity', '-Infinity'],
      ],
      nonFiniteCount: 3,
    });
    expect(encodeTensor(values, 'BASE64').nonFiniteCount).toBe(3);
  });

  it('writes integers that a JSON number would round as strings', () => {
    const data = new Uint8Array(new BigInt64Array([2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n)]).buffer);
    expect(encodeTensor({ name: 'y', datatype: 'INT64', shape: [3], data }, 'JSON').data).toEqual([
      9007199254740991,
      '9007199254740992',
      '-9223372036854775808',
    ]);
  });

  it('reads bytes that lie unaligned in a larger buffer', () => {
    const buffer = new Uint8Array(values.data.length + 3);
    buffer.set(values.data, 3);
    expect(encodeTensor({ ...values, data: buffer.subarray(3) }, 'JSON')).toEqual(
      encodeTensor(values, 'JSON'),
    );
  });
});
