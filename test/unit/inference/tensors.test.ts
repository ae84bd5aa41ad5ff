import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatOnBatchAxis,
  copiedBuffer,
  decodeBytesElements,
  encodeBytesElements,
  ownBuffer,
  splitOnBatchAxis,
  toBytes,
  toTypedArray,
} from '../../../src/inference/tensors.js';
import { bytesPerElement, DATATYPES, elementCount, type Tensor } from '../../../src/lib/tensor.js';

const anElement = fc.uint8Array({ maxLength: 12 });

/** Tensors that can be joined: one name, datatype and row shape, any numbers of rows. */
const joinableTensors = fc
  .record({
    datatype: fc.constantFrom(...DATATYPES),
    rowShape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    rows: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 }),
  })
  .chain(({ datatype, rowShape, rows }) =>
    fc.tuple(
      ...rows.map((batch) => {
        const shape = [batch, ...rowShape];
        const count = elementCount(shape);
        const width = bytesPerElement(datatype);
        const data =
          width === null
            ? fc.array(anElement, { minLength: count, maxLength: count }).map(encodeBytesElements)
            : fc.uint8Array({ minLength: count * width, maxLength: count * width });
        return data.map((bytes): Tensor => ({ name: 'x', datatype, shape, data: bytes }));
      }),
    ),
  );

describe('joining on the batch axis', () => {
  it('and cutting again gives back what was joined', () => {
    fc.assert(
      fc.property(joinableTensors, (tensors) => {
        const joined = concatOnBatchAxis(tensors);
        const parts = splitOnBatchAxis(
          joined,
          tensors.map(({ shape }) => shape[0] ?? 0),
        );
        expect(parts.map(({ shape }) => shape)).toEqual(tensors.map(({ shape }) => shape));
        expect(parts.map(({ data }) => [...data])).toEqual(tensors.map(({ data }) => [...data]));
      }),
    );
  });

  it('refuses tensors that differ in name, datatype or row shape, scalars, and nothing', () => {
    const x: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 2], data: new Uint8Array(2) };
    for (const other of [
      { ...x, name: 'y' },
      { ...x, datatype: 'INT8' as const },
      { ...x, shape: [2, 1] },
      { ...x, shape: [1, 2, 1] },
      { ...x, shape: [], data: new Uint8Array(1) },
    ]) {
      expect(() => concatOnBatchAxis([x, other])).toThrow(RangeError);
    }
    expect(() => concatOnBatchAxis([])).toThrow(RangeError);
  });

  it('refuses to cut more or fewer rows than there are', () => {
    const x: Tensor = { name: 'x', datatype: 'UINT8', shape: [3], data: new Uint8Array(3) };
    expect(() => splitOnBatchAxis(x, [1, 1])).toThrow('Parts of 2 rows');
    expect(() => splitOnBatchAxis(x, [4])).toThrow('Parts of 4 rows');
  });
});

describe('typed arrays', () => {
  it('hold the same numbers whatever address the bytes start at', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 8 }), fc.integer({ min: 0, max: 9 }), (values, offset) => {
        const shifted = new Uint8Array(values.byteLength + offset);
        shifted.set(toBytes(values), offset);
        expect(toTypedArray('FP32', shifted.subarray(offset))).toEqual(values);
      }),
    );
  });

  it('are views where the alignment allows it', () => {
    const bytes = new Uint8Array(16);
    expect(toTypedArray('INT32', bytes.subarray(4)).buffer).toBe(bytes.buffer);
    expect(toTypedArray('INT32', bytes.subarray(3, 7)).buffer).not.toBe(bytes.buffer);
  });

  it('refuse bytes that are not whole elements', () => {
    expect(() => toTypedArray('FP64', new Uint8Array(12))).toThrow('12 bytes are not a whole number of FP64');
  });
});

describe('BYTES elements', () => {
  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(fc.array(anElement), (elements) => {
        expect(decodeBytesElements(encodeBytesElements(elements)).map((e) => [...e])).toEqual(
          elements.map((e) => [...e]),
        );
      }),
    );
  });

  it('are refused when a length or an element is cut short', () => {
    const encoded = encodeBytesElements([Uint8Array.of(1, 2, 3)]);
    for (let end = 1; end < encoded.byteLength; end++) {
      expect(() => decodeBytesElements(encoded.subarray(0, end))).toThrow('cut short');
    }
  });
});

describe('buffers for another thread', () => {
  it('hold exactly the bytes, never the rest of a shared buffer', () => {
    const pooled = Buffer.from('abc');
    expect(pooled.buffer.byteLength).toBeGreaterThan(3);
    expect([...new Uint8Array(ownBuffer(pooled))]).toEqual([97, 98, 99]);
    const whole = Uint8Array.of(1, 2);
    expect(ownBuffer(whole)).toBe(whole.buffer);
    expect(copiedBuffer(whole)).not.toBe(whole.buffer);
  });
});
