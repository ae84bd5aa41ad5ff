import { describe, expect, it } from 'vitest';
import { parseSample } from '../../../src/cli/tensor-file.js';

const read = (value: unknown) => parseSample('call.json', JSON.stringify(value));

describe('a file with tensors', () => {
  it.each([
    [{ inputs: [{ name: 'x', data: [[1, 2]] }] }, [{ name: 'x', data: [[1, 2]] }]],
    [[{ data: 'AAAA', shape: [3], datatype: 'UINT8' }], [{ data: 'AAAA', shape: [3], datatype: 'UINT8' }]],
    [
      { x: [[1, 2]], y: 3 },
      [
        { name: 'x', data: [[1, 2]] },
        { name: 'y', data: 3 },
      ],
    ],
    // A model may call an input so.
    [{ inputs: [[1, 2]] }, [{ name: 'inputs', data: [[1, 2]] }]],
  ])('is read from %j', (value, inputs) => {
    expect(read(value)).toEqual({ inputs });
  });

  it('brings what must come out, as a list or by name, also as an answer was printed', () => {
    const answer = { name: 'y', datatype: 'FP32', shape: [1], data: [3], nonFiniteCount: 0 };
    const inputs = [{ data: [1] }];
    const { nonFiniteCount: _unknown, ...output } = answer;
    expect(read({ inputs, outputs: [answer], tolerance: 0 })).toEqual({
      inputs,
      outputs: [output],
      tolerance: 0,
    });
    expect(read({ inputs, outputs: { y: [3] } })).toEqual({ inputs, outputs: [{ name: 'y', data: [3] }] });
  });

  it.each([
    [3, 'holds no object'],
    [[1, 2], 'a list of something else'],
    [{ inputs: [{ data: 1 }], output: [] }, 'the field "output"'],
    [{ inputs: [{ data: 1 }], outputs: 3 }, 'outputs that are no list'],
    [{ inputs: [{ data: 1 }], tolerance: '1' }, 'a tolerance that is no number'],
  ])('is refused with the forms that there are: %j', (value, words) => {
    expect(() => read(value)).toThrow(words);
    expect(() => read(value)).toThrow('expected {"inputs"');
  });

  it('is refused as no JSON with the place', () => {
    expect(() => parseSample('call.json', '{"x": 1,}')).toThrow(
      /^The text of call\.json is not JSON: .*position/,
    );
  });
});
