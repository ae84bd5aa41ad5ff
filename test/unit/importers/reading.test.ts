import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../src/importers/byte-source.js';
import { crc32c } from '../../../src/importers/crc32c.js';
import { fromFloat16Bits } from '../../../src/lib/float16.js';
import { nestingDepth } from '../../../src/importers/json.js';
import { printable, Refused } from '../../../src/importers/refused.js';
import { publicNames } from '../../../src/importers/signature.js';
import { sniffArchive, sniffContainer } from '../../../src/importers/sniff.js';
import { agreement, rowProblem } from '../../../src/importers/trial-tensors.js';
import type { Tensor } from '../../../src/lib/tensor.js';

const fp32 = (shape: number[], ...values: number[]): Tensor => ({
  name: 't',
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

describe('the checksum of checkpoints', () => {
  it('is the one that its inventors published, for any length and any place in memory', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    // Bit by bit, as it is defined.
    const bytes = Uint8Array.from({ length: 40 }, (_, at) => (at * 37) & 0xff);
    for (let length = 0; length <= 32; length++) {
      let slow = 0xffffffff;
      for (const byte of bytes.subarray(3, 3 + length)) {
        slow ^= byte;
        for (let bit = 0; bit < 8; bit++) slow = slow & 1 ? (slow >>> 1) ^ 0x82f63b78 : slow >>> 1;
      }
      expect(crc32c(bytes.subarray(3, 3 + length))).toBe(~slow >>> 0);
    }
  });
});

describe('sniffing', () => {
  it('gives a container or a refusal for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          expect(['HDF5', 'ZIP', 'GZIP', 'TAR', 'ONNX']).toContain(sniffContainer(bufferSource(bytes)));
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          expect(['UNSUPPORTED_FORMAT', 'CORRUPT_ARTIFACT']).toContain(error.refusal.code);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds model.json in any one folder, and a model under another name', () => {
    expect(sniffArchive(['a/model.json', 'a/w.bin', 'README.md'], () => false)).toEqual({
      kind: 'TFJS',
      modelJson: 'a/model.json',
      base: 'a/',
    });
    expect(sniffArchive(['face.json', 'other.json', 'face.bin'], (name) => name === 'face.json')).toEqual({
      kind: 'TFJS',
      modelJson: 'face.json',
      base: '',
    });
    expect(sniffArchive(['config.json', 'metadata.json', 'model.weights.h5'], () => false)).toEqual({
      kind: 'KERAS_V3',
    });
  });

  it('refuses two models in one archive', () => {
    expect(() => sniffArchive(['a/model.json', 'b/model.json'], () => false)).toThrow(/several models/);
  });
});

describe('agreement of engines', () => {
  it('is relative to the magnitude of the output', () => {
    expect(agreement([fp32([2], 1000, 0)], [fp32([2], 1000.1, 0)])).toBeCloseTo(1e-4, 6);
  });

  it('holds for NaN and infinities on both sides, and for nothing else', () => {
    expect(agreement([fp32([2], NaN, Infinity)], [fp32([2], NaN, Infinity)])).toBe(0);
    expect(agreement([fp32([1], NaN)], [fp32([1], 0)])).toBe(Infinity);
    expect(agreement([fp32([1], Infinity)], [fp32([1], -Infinity)])).toBe(Infinity);
    expect(agreement([fp32([2, 1], 1, 2)], [fp32([1, 2], 1, 2)])).toBe(Infinity);
  });
});

describe('requests may share a run', () => {
  it('when each row is answered for itself', () => {
    expect(rowProblem([fp32([1, 2], 1, 2)], [fp32([2, 2], 1, 2, 3, 4)])).toBeNull();
  });

  it.each<[string, Tensor[] | null, RegExp]>([
    ['two rows fail', null, /two rows/],
    ['the first row changes with the second', [fp32([2, 2], 9, 2, 3, 4)], /mixes/],
    ['one row gives several', [fp32([3, 2], 1, 2, 3, 4, 5, 6)], /1 rows for one and 3 for two/],
  ])('but not when %s', (_what, wider, problem) => {
    expect(rowProblem([fp32([1, 2], 1, 2)], wider)).toMatch(problem);
  });
});

it('public names are the bare ones, each once', () => {
  expect(publicNames(['x:0', 'x', 'y:1', 'x_1'])).toEqual(['x', 'x_1', 'y:1', 'x_1_1']);
});

it('text from a file cannot forge a log line, reorder one, or fill it', () => {
  expect(printable('a\nb\u001b[31mc\u202Ed\u2028e')).toBe('a?b?[31mc?d?e');
  expect(printable('x'.repeat(5000))).toHaveLength(201);
});

it('nesting is counted outside of strings', () => {
  expect(nestingDepth('{"a": "[[[[\\"]]", "b": [1, [2]]}')).toBe(3);
});

it.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333251953125],
  [0x0001, 2 ** -24],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
  [0x7e00, NaN],
])('binary16 %i is %d', (half, value) => {
  expect(fromFloat16Bits(half)).toBe(value);
});
