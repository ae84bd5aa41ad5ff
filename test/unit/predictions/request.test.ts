import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/domain/predictions/check-command.js';
import { decodeOutputs, encodeOutputs } from '../../../src/domain/predictions/kept-outputs.js';
import { createPatience } from '../../../src/domain/predictions/patience.js';
import type { PredictCommand } from '../../../src/domain/predictions/prediction.js';
import { requestHash } from '../../../src/domain/predictions/request-hash.js';
import { DecodedBase64 } from '../../../src/lib/decoded-base64.js';
import { systemClock } from '../../../src/lib/clock.js';
import { DATATYPES } from '../../../src/lib/tensor.js';

const BASE: PredictCommand = {
  target: { model: 'acme/digits' },
  inputs: [{ name: 'x', data: [[1, 2]] }],
  idempotencyKey: 'k',
  timeoutMs: null,
};

describe('the hash of a request', () => {
  it('changes with what is asked', () => {
    const requests: PredictCommand[] = [
      BASE,
      { ...BASE, target: { model: 'acme/digits:1' } },
      { ...BASE, target: { modelId: 'acme/digits' } },
      { ...BASE, inputs: [] },
      { ...BASE, inputs: [{ data: [[1, 2]] }] },
      { ...BASE, inputs: [{ name: 'x', data: [1, 2] }] },
      { ...BASE, inputs: [{ name: 'x', data: [['1', 2]] }] },
      { ...BASE, inputs: [{ name: 'x', shape: [1, 2], data: [[1, 2]] }] },
      { ...BASE, inputs: [{ name: 'x', datatype: 'FP32', data: [[1, 2]] }] },
      { ...BASE, inputs: [...BASE.inputs, ...BASE.inputs] },
      { ...BASE, inputs: [{ name: 'x', data: 'AAAA' }] },
    ];
    expect(new Set(requests.map(requestHash)).size).toBe(requests.length);
  });

  it('does not change with how it is asked', () => {
    const decoded = new DecodedBase64(Uint8Array.from([1, 2, 3]));
    expect(requestHash({ ...BASE, inputs: [{ data: decoded }] })).toBe(
      requestHash({ ...BASE, inputs: [{ data: 'AQID' }] }),
    );
    expect(requestHash({ ...BASE, timeoutMs: 5, idempotencyKey: 'other' })).toBe(requestHash(BASE));
  });

  it('is not made of what no tensor can be, however deep', () => {
    let data: unknown = 1;
    for (let depth = 0; depth < 10_000; depth++) data = [data];
    expect(requestHash({ ...BASE, inputs: [{ data }] })).toBeNull();
    expect(requestHash({ ...BASE, inputs: [{ data: [{ a: 1 }] }] })).toBeNull();
  });
});

describe('a target by name', () => {
  it.each([
    ['acme/digits', { owner: 'acme', name: 'digits', number: null }],
    ['acme/digits:12', { owner: 'acme', name: 'digits', number: 12 }],
    ['acme', null],
    ['acme/digits:0', null],
    ['acme/digits:9999999999', null],
    ['acme/../digits', null],
    [`acme/${'d'.repeat(500)}`, null],
  ])('%s', (model, expected) => {
    expect(parseTarget({ model })).toEqual(expected);
  });
});

describe('kept outputs', () => {
  it('come back as they were', () => {
    const tensor = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      datatype: fc.constantFrom(...DATATYPES),
      shape: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
      data: fc.uint8Array({ maxLength: 64 }),
    });
    fc.assert(
      fc.property(fc.array(tensor, { maxLength: 4 }), (tensors) => {
        const bytes = encodeOutputs(tensors);
        const back = decodeOutputs(bytes!);
        expect(back.map((item) => ({ ...item, data: [...item.data] }))).toEqual(
          tensors.map((item) => ({ ...item, data: [...item.data] })),
        );
      }),
    );
  });

  it('are not kept beyond 4 MiB', () => {
    const data = new Uint8Array(4 * 1024 * 1024);
    expect(encodeOutputs([{ name: 'y', datatype: 'UINT8', shape: [data.length], data }])).toBeNull();
  });
});

describe('patience', () => {
  it('ends at the deadline or when the caller goes, whichever is first', async () => {
    const gone = new AbortController();
    const never = new Promise<never>(() => {});
    expect(await createPatience(systemClock, 5, gone.signal).wait(never)).toMatchObject({
      over: { code: 'DEADLINE_EXCEEDED' },
    });
    const waiting = createPatience(systemClock, 60_000, gone.signal).wait(never);
    gone.abort();
    expect(await waiting).toMatchObject({ over: { code: 'PREDICTION_FAILED', retryable: true } });
    expect(createPatience(systemClock, 60_000, gone.signal).over()).toMatchObject({ retryable: true });
  });

  it('gives what the work gives, and throws what it throws', async () => {
    const patience = createPatience(systemClock, 60_000, new AbortController().signal);
    expect(await patience.wait(Promise.resolve(7))).toEqual({ done: 7 });
    await expect(patience.wait(Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    expect(patience.over()).toBeNull();
  });
});
