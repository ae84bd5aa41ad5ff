import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkInputs } from '../../../src/domain/predictions/check-inputs.js';
import type { RawTensor } from '../../../src/lib/raw-tensor.js';
import { DecodedBase64 } from '../../../src/lib/decoded-base64.js';
import type { Datatype, Signature } from '../../../src/lib/tensor.js';

const LIMITS = { maxBytes: 1024 * 1024, maxRows: 4096 };

const DENSE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};
const TWO: Signature = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 2] },
    { name: 'b', datatype: 'INT32', shape: [-1] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
};

function scalar(datatype: Datatype): Signature {
  return { inputs: [{ name: 'x', datatype, shape: [] }], outputs: [] };
}

function list(datatype: Datatype): Signature {
  return { inputs: [{ name: 'x', datatype, shape: [-1] }], outputs: [] };
}

function accepted(signature: Signature, inputs: readonly RawTensor[]) {
  const result = checkInputs(signature, inputs, LIMITS);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function mistakes(signature: Signature, inputs: readonly RawTensor[], limits = LIMITS): string[] {
  const result = checkInputs(signature, inputs, limits);
  if (result.ok) throw new Error('The inputs were accepted.');
  return result.error.map((mistake) => `${mistake.path?.join('.')}: ${mistake.message}`);
}

function floats(bytes: Uint8Array): number[] {
  return [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)];
}

describe('a version whose requests never share a run', () => {
  const PRODUCT: Signature = {
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [-1, -1] },
      { name: 'b', datatype: 'FP32', shape: [-1, -1] },
    ],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1] }],
  };
  const given = (rowsOfB: number): RawTensor[] => [
    { name: 'a', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] },
    { name: 'b', shape: [rowsOfB, 1], data: Array.from({ length: rowsOfB }, () => 1) },
  ];

  it('may take inputs of different lengths, as one row', () => {
    const result = checkInputs(PRODUCT, given(3), LIMITS, false);
    expect(result.ok && result.value.rows).toBe(1);
    expect(checkInputs(PRODUCT, given(3), LIMITS).ok).toBe(false);
  });

  it('counts the rows in which its inputs agree', () => {
    const result = checkInputs(PRODUCT, given(2), LIMITS, false);
    expect(result.ok && result.value.rows).toBe(2);
  });
});

describe('what is accepted', () => {
  it('nested lists, flat lists with a shape, and base64 give the same tensor', () => {
    const base64 = Buffer.from(new Float32Array([1, 2, 3, 4, 5, 6]).buffer).toString('base64');
    const nested = accepted(DENSE, [
      {
        data: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
    ]);
    expect(nested.rows).toBe(2);
    expect(nested.tensors[0]).toMatchObject({ name: 'x', datatype: 'FP32', shape: [2, 3] });
    expect(floats(nested.tensors[0]!.data)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(accepted(DENSE, [{ name: 'x', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }])).toEqual(nested);
    expect(accepted(DENSE, [{ datatype: 'FP32', shape: [2, 3], data: base64 }])).toEqual(nested);
    const decoded = new DecodedBase64(Uint8Array.from(Buffer.from(base64, 'base64')));
    expect(accepted(DENSE, [{ datatype: 'FP32', shape: [2, 3], data: decoded }])).toEqual(nested);
  });

  it('inputs come in any order and leave in that of the signature', () => {
    const { tensors, rows } = accepted(TWO, [
      { name: 'b', data: [7] },
      { name: 'a', data: [[1, 2]] },
    ]);
    expect(tensors.map((tensor) => tensor.name)).toEqual(['a', 'b']);
    expect(rows).toBe(1);
  });

  it('numbers that JSON does not have come as strings', () => {
    const { tensors } = accepted(DENSE, [{ data: [['NaN', 'Infinity', '-Infinity']] }]);
    expect(floats(tensors[0]!.data)).toEqual([NaN, Infinity, -Infinity]);
    expect(floats(accepted(scalar('FP32'), [{ data: 'NaN' }]).tensors[0]!.data)).toEqual([NaN]);
  });

  it('64-bit integers may be strings', () => {
    const { tensors } = accepted(list('INT64'), [{ data: ['9223372036854775807', -1] }]);
    expect([...new BigInt64Array(tensors[0]!.data.buffer)]).toEqual([9223372036854775807n, -1n]);
  });

  it('strings become BYTES elements with their length', () => {
    const { tensors } = accepted(list('BYTES'), [{ data: ['ä', ''] }]);
    expect([...tensors[0]!.data]).toEqual([2, 0, 0, 0, 0xc3, 0xa4, 0, 0, 0, 0]);
    const base64 = Buffer.from(tensors[0]!.data).toString('base64');
    expect(accepted(list('BYTES'), [{ shape: [2], data: base64 }]).tensors).toEqual(tensors);
  });

  it('a signature without a batch dimension counts as one row', () => {
    const fixed: Signature = { ...DENSE, outputs: [{ name: 'y', datatype: 'FP32', shape: [] }] };
    expect(
      accepted(fixed, [
        {
          data: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        },
      ]).rows,
    ).toBe(1);
  });
});

describe('what is refused, and where', () => {
  const cases: readonly [string, Signature, readonly RawTensor[], readonly RegExp[]][] = [
    [
      'a name that is not in the signature',
      DENSE,
      [{ name: 'z', data: [[1, 2, 3]] }],
      [/^inputs\.0\.name: .*"z".*"x"/, /^inputs: .*"x".*missing/],
    ],
    [
      'a missing input',
      TWO,
      [{ name: 'a', data: [[1, 2]] }],
      [/^inputs: The input "b" \(INT32 of shape \[-1\]\) is missing/],
    ],
    [
      'an input given twice',
      DENSE,
      [{ data: [[1, 2, 3]] }, { data: [[1, 2, 3]] }],
      [/^inputs\.1\.name: .*more than once/],
    ],
    [
      'no name where there are several inputs',
      TWO,
      [{ data: [[1, 2]] }, { name: 'a', data: [[1, 2]] }, { name: 'b', data: [1] }],
      [/^inputs\.0\.name: .*needs its name/],
    ],
    [
      'another datatype',
      DENSE,
      [{ datatype: 'FP64', data: [[1, 2, 3]] }],
      [/^inputs\.0\.datatype: .*FP32.*not FP64/],
    ],
    [
      'another rank',
      DENSE,
      [{ data: [1, 2, 3] }],
      [/^inputs\.0\.data: .*2 dimensions are expected, 1 found.*flat list/],
    ],
    [
      'another dimension',
      DENSE,
      [{ data: [[1, 2]] }],
      [/^inputs\.0\.data: .*3 is expected in dimension 1, 2 found/],
    ],
    [
      'another dimension in the shape',
      DENSE,
      [{ shape: [1, 4], data: [1, 2, 3, 4] }],
      [/^inputs\.0\.shape\.1: .*3 is expected/],
    ],
    [
      'a dimension that is no length',
      DENSE,
      [{ shape: [-1, 3], data: [1, 2, 3] }],
      [/^inputs\.0\.shape\.0: .*at least 1/],
    ],
    ['no rows at all', DENSE, [{ data: [] }], [/^inputs\.0\.data: /]],
    [
      'inputs that disagree on the batch',
      TWO,
      [
        { name: 'a', data: [[1, 2]] },
        { name: 'b', data: [1, 2] },
      ],
      [/^inputs\.1\.shape: .*share one batch.*"a" has 1, "b" 2/],
    ],
    [
      'fewer elements than the shape takes',
      DENSE,
      [{ shape: [2, 3], data: [1, 2, 3] }],
      [/^inputs\.0\.data: .*takes 6 elements.*\[3\]/],
    ],
    [
      'ragged lists',
      DENSE,
      [
        {
          data: [
            [1, 2, 3],
            [4, 5],
          ],
        },
      ],
      [/^inputs\.0\.data\.1: .*ragged.*list of 3.*list of 2/],
    ],
    [
      'a list where a number belongs',
      DENSE,
      [
        {
          data: [
            [1, 2, 3],
            [4, [5], 6],
          ],
        },
      ],
      [/^inputs\.0\.data\.1\.1: .*found a list/],
    ],
    [
      'a number where a list belongs',
      DENSE,
      [{ data: [[1, 2, 3], 4] }],
      [/^inputs\.0\.data\.1: .*list of 3.*found 4/],
    ],
    [
      'words that are no numbers',
      DENSE,
      [{ data: [[1, 'two', 3]] }],
      [/^inputs\.0\.data\.0\.1: .*FP32.*"two"/],
    ],
    ['null elements', DENSE, [{ data: [[1, null, 3]] }], [/^inputs\.0\.data\.0\.1: .*null/]],
    ['objects', DENSE, [{ data: { a: 1 } }], [/^inputs\.0\.data: /]],
    ['numbers beyond FP32', DENSE, [{ data: [[1, 1e300, 3]] }], [/^inputs\.0\.data\.0\.1: .*range of FP32/]],
    ['fractions as integers', list('INT8'), [{ data: [0.5] }], [/whole number from -128 to 127; found 0.5/]],
    [
      'integers out of range',
      list('UINT8'),
      [{ data: [1, 256] }],
      [/^inputs\.0\.data\.1: .*0 to 255; found 256/],
    ],
    ['64-bit integers that lost digits', list('INT64'), [{ data: [2 ** 60] }], [/as a string beyond/]],
    ['64-bit integers out of range', list('UINT64'), [{ data: ['-1'] }], [/range of UINT64/]],
    ['words as booleans', list('BOOL'), [{ data: ['true'] }], [/true or false/]],
    ['numbers as strings', list('BYTES'), [{ data: [1] }], [/a string; found 1/]],
    [
      'text that is no base64',
      DENSE,
      [{ shape: [1, 3], data: 'AAAAAAAA*AAAAAAA' }],
      [/^inputs\.0\.data: .*not valid base64/],
    ],
    ['base64 with a hole', DENSE, [{ shape: [1, 3], data: 'AAAA==AAAAAAAAAA' }], [/not valid base64/]],
    [
      'base64 of another length',
      DENSE,
      [{ shape: [1, 3], data: 'AAAA' }],
      [/holds 3 bytes; 3 elements of FP32 are 12 bytes/],
    ],
    ['base64 without a shape', DENSE, [{ data: 'AAAA' }], [/^inputs\.0\.shape: .*needs the shape/]],
    [
      'BYTES elements that promise too much',
      list('BYTES'),
      [{ shape: [1], data: '/////w==' }],
      [/does not hold 1 BYTES elements/],
    ],
    ['BOOL bytes other than 0 and 1', list('BOOL'), [{ shape: [3], data: 'AAEC' }], [/one byte, 0 or 1/]],
  ];

  it.each(cases)('%s', (_, signature, inputs, expected) => {
    const found = mistakes(signature, inputs);
    expect(found).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern);
  });

  it('every tensor with a mistake is reported, not only the first', () => {
    const found = mistakes(TWO, [
      { name: 'a', data: [['x', 2]] },
      { name: 'b', data: [1.5] },
      { name: 'c', data: [1] },
    ]);
    expect(found.map((mistake) => mistake.split(':')[0])).toEqual([
      'inputs.2.name',
      'inputs.0.data.0.0',
      'inputs.1.data.0',
    ]);
  });

  it('a batch of 10,000 rows is refused with the limit', () => {
    const data = Array.from({ length: 10_000 }, () => [1, 2, 3]);
    expect(mistakes(DENSE, [{ data }])).toEqual([
      'inputs.0.shape: A request may carry at most 4096 rows; this one has 10000. Send it in several predictions.',
    ]);
  });

  it('a shape that promises more than the limit is refused before anything is allocated', () => {
    const wide: Signature = {
      inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, -1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [] }],
    };
    expect(mistakes(wide, [{ shape: [2 ** 30, 2 ** 20], data: [1] }])[0]).toMatch(/at most 1048576 bytes/);
    const tall: unknown[] = [
      Array.from({ length: 100_000 }, () => 0),
      ...Array.from({ length: 100_000 }, () => 0),
    ];
    expect(mistakes(wide, [{ data: tall }])[0]).toMatch(/at most 1048576 bytes/);
  });

  it('lists nested ten thousand deep are refused without being walked', () => {
    let data: unknown = 1;
    for (let depth = 0; depth < 10_000; depth++) data = [data];
    expect(mistakes(DENSE, [{ data }])[0]).toMatch(/2 dimensions are expected, more than 8 found/);
    let second: unknown = 1;
    for (let depth = 0; depth < 10_000; depth++) second = [second];
    expect(mistakes(DENSE, [{ data: [[1, 2, 3], second] }])[0]).toMatch(/^inputs\.0\.data\.1: .*ragged/);
  });

  it('a hundred kinds of nonsense stay within the list of mistakes', () => {
    const inputs = Array.from({ length: 100 }, (_, i) => ({ name: `n${i}`, data: 1 }));
    expect(mistakes(DENSE, inputs)).toHaveLength(50);
  });
});

describe('whatever comes', () => {
  it('it is accepted or refused with paths into the request, and never throws', () => {
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.double(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 2 }),
      ),
    })).value;
    const tensor = fc.record(
      {
        name: fc.constantFrom('a', 'b', 'x', '__proto__'),
        shape: fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 3 }),
        data: json,
      },
      { requiredKeys: ['data'] },
    );
    fc.assert(
      fc.property(
        fc.array(tensor, { maxLength: 3 }),
        fc.constantFrom(TWO, DENSE, list('BYTES'), scalar('INT64')),
        (inputs, signature) => {
          const result = checkInputs(signature, inputs, LIMITS);
          if (result.ok) {
            for (const checked of result.value.tensors) expect(checked.shape.every((d) => d >= 1)).toBe(true);
          } else {
            for (const mistake of result.error) expect(mistake.path?.[0]).toBe('inputs');
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
