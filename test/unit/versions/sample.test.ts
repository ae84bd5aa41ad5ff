import { describe, expect, it } from 'vitest';
import {
  checkSample,
  MAX_SAMPLE_BYTES,
  sampleFromText,
  type SampleInput,
} from '../../../src/domain/versions/sample.js';
import { DecodedBase64 } from '../../../src/lib/decoded-base64.js';

function refusedAt(sample: SampleInput): string | undefined {
  const checked = checkSample(sample);
  return checked.ok ? 'nowhere' : checked.error.path?.join('.');
}

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

describe('a sample', () => {
  it('is kept as it came, texts of any kind and decoded base64 too', () => {
    const inputs = [
      { name: 'x', shape: [3], data: new DecodedBase64(Uint8Array.of(1, 2, 3)) },
      { data: ['\u0000\ud800', 'NaN', 1.5, true], datatype: 'FP32' as const },
    ];
    const checked = checkSample({ inputs });
    expect(checked.ok && sampleFromText(checked.value)).toEqual({
      inputs: [{ name: 'x', shape: [3], data: 'AQID' }, inputs[1]],
      outputs: [],
      tolerance: 0.001,
    });
    // PostgreSQL's text has neither.
    expect(checked.ok && /[\u0000\ud800]/.test(checked.value)).toBe(false);
  });

  it.each<[string, SampleInput]>([
    ['sample.tolerance', { inputs: [], tolerance: 1.5 }],
    ['sample.tolerance', { inputs: [], tolerance: NaN }],
    ['sample.inputs', { inputs: Array.from({ length: 101 }, () => ({ data: 1 })) }],
    ['sample.inputs.1.name', { inputs: [{ data: 1 }, { name: 'x'.repeat(1001), data: 1 }] }],
    ['sample.outputs.0.shape', { inputs: [], outputs: [{ data: 1, shape: Array(9).fill(1) }] }],
    ['sample.inputs.0.data', { inputs: [{ data: nested(9) }] }],
    ['sample.inputs.0.data', { inputs: [{ data: [1, nested(1_000)] }] }],
    ['sample.inputs.0.data', { inputs: [{ data: [{}] }] }],
    ['sample.inputs.0.data', { inputs: [{ data: null }] }],
    ['sample', { inputs: [{ data: 'A'.repeat(MAX_SAMPLE_BYTES) }] }],
  ])('is refused at %s', (path, sample) => {
    expect(refusedAt(sample)).toBe(path);
  });

  it('may be as deep as a tensor', () => {
    expect(refusedAt({ inputs: [{ data: nested(8) }] })).toBe('nowhere');
  });
});
