import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithExpected } from '../../../src/importers/child/expected-outputs.js';
import { Refused } from '../../../src/importers/refused.js';
import { encodeBytesElements } from '../../../src/inference/index.js';
import type { Datatype, Tensor } from '../../../src/lib/tensor.js';

function tensor(name: string, datatype: Datatype, shape: readonly number[], values: ArrayBufferView): Tensor {
  const { buffer, byteOffset, byteLength } = values;
  return { name, datatype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

const probabilities = tensor('p', 'FP32', [2, 2], Float32Array.of(0.25, 0.75, 1000, NaN));
const classes = tensor('class', 'INT64', [2], BigInt64Array.of(2n ** 53n + 1n, 7n));
const labels: Tensor = {
  name: 'label',
  datatype: 'BYTES',
  shape: [1],
  data: encodeBytesElements([Buffer.from('cat')]),
};

function refusalOf(expected: Parameters<typeof compareWithExpected>[1]['expected'], tolerance = 1e-3) {
  try {
    compareWithExpected([probabilities, classes, labels], { expected, tolerance });
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

describe('the outputs of a sample', () => {
  it('agree within the tolerance: absolute below 1, a share above, NaN with NaN', () => {
    const expected = [
      {
        name: 'p',
        data: [
          [0.2505, 0.75],
          [1000.9, 'NaN'],
        ],
      },
    ];
    const compared = compareWithExpected([probabilities, classes], { expected, tolerance: 1e-3 });
    expect(compared.outputs).toEqual(['p']);
    expect(compared.largestDifference).toBeCloseTo(0.0009, 4);
  });

  it('are refused with output, index, what was found and what was expected', () => {
    expect(
      refusalOf([
        {
          name: 'p',
          data: [
            [0.25, 0.75],
            [990, 1],
          ],
        },
      ]),
    ).toEqual({
      code: 'SAMPLE_MISMATCH',
      subject: 'p',
      message:
        'The model answers the sample otherwise than expected: the output "p" at [1, 0] is 1000; 990 is expected ' +
        '(tolerance 0.001). In all 2 of 4 elements differ.',
    });
  });

  it('are the same to the last bit where they are whole numbers or texts, whatever the tolerance', () => {
    expect(refusalOf([{ name: 'class', data: ['9007199254740993', 7] }], 1)).toBeNull();
    const off = refusalOf([{ name: 'class', data: ['9007199254740992', 7] }], 1);
    expect(off?.message).toContain('at [0] is 9007199254740993; 9007199254740992 is expected.');
    expect(refusalOf([{ name: 'label', data: ['dog'] }])?.message).toContain('is "cat"; "dog" is expected.');
    expect(refusalOf([{ name: 'label', data: ['cat'] }])).toBeNull();
  });

  it.each([
    [{ name: 'q', data: 1 }, 'q', 'has the output "q"; the model has "p", "class", "label"'],
    [{ data: 1 }, null, 'needs its name'],
    [{ name: 'p', data: [0.25, 0.75] }, 'p', 'does not fit'],
    [{ name: 'class', data: [0.5, 7] }, 'class', 'does not fit (at data.0): Expected a whole number'],
    [
      {
        name: 'p',
        datatype: 'FP64' as const,
        data: [
          [1, 1],
          [1, 1],
        ],
      },
      'p',
      '"p" is FP32',
    ],
  ])('that are none of the model: %j', (output, subject, words) => {
    const refusal = refusalOf([output]);
    expect(refusal).toMatchObject({ code: 'SAMPLE_MISMATCH', subject });
    expect(refusal?.message).toContain(words);
  });

  it('are refused exactly when some number lies further away than the tolerance', () => {
    const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        numbers,
        fc.nat(),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        (values, which, tolerance) => {
          const at = which % values.length;
          const wanted = values[at] as number;
          const found = tensor('y', 'FP32', [values.length], Float32Array.from(values));
          const compare = (shift: number) => {
            const data = values.map((value, i) => (i === at ? value + shift : value));
            return () => compareWithExpected([found], { expected: [{ data }], tolerance });
          };
          expect(compare(0)).not.toThrow();
          // Far enough from the border that rounding to single precision does not matter.
          const shift = (tolerance + 0.01) * 3 * Math.max(1, Math.abs(wanted));
          if (Math.abs(wanted) + shift < 3e38) expect(compare(shift)).toThrow(Refused);
        },
      ),
    );
  });
});
