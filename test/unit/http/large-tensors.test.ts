/** Long base64 texts leave the body before it is parsed; what the parser would have said must not change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLift } from '../../../src/http/large-tensors.js';
import { DecodedBase64 } from '../../../src/lib/decoded-base64.js';

const lift = createLift();
const long = Buffer.from(Float32Array.from({ length: 10_000 }, (_, at) => Math.sin(at)).buffer);
const text = long.toString('base64');

/** What is parsed, with the tensors as text again; `null` when the body goes to the parser as a whole. */
function readLifted(body: string): unknown {
  const lifted = lift(Buffer.from(body));
  if (lifted === null) return null;
  const parsed: unknown = JSON.parse(lifted.rest.toString());
  return lifted.restore(parsed) ? JSON.parse(JSON.stringify(parsed)) : null;
}

const requestOf = (data: unknown, more: object = {}) =>
  JSON.stringify({ query: 'mutation {\n  "" \\ }', variables: { input: { inputs: [{ data }], ...more } } });

describe('a long base64 text in a body', () => {
  it('is decoded where it stands, and everything else is parsed as it is', () => {
    const body = requestOf(text, { target: { model: 'a/"b\\' } });
    const lifted = lift(Buffer.from(body));
    const parsed = JSON.parse(lifted!.rest.toString());
    expect(lifted!.rest.length).toBeLessThan(500);
    expect(lifted!.restore(parsed)).toBe(true);
    const { data } = parsed.variables.input.inputs[0];
    expect(data).toBeInstanceOf(DecodedBase64);
    expect(Buffer.from(data.bytes).equals(long)).toBe(true);
    expect(data.bytes.byteOffset).toBe(0);
    expect(readLifted(body)).toEqual(JSON.parse(body));
  });

  it('is found whatever stands around it', () => {
    const json = fc.jsonValue();
    const padded = fc
      .integer({ min: 12_288, max: 150_000 })
      .map((n) => Buffer.alloc(n, 7).toString('base64'));
    fc.assert(
      fc.property(json, json, padded, padded, (before, after, one, two) => {
        const inputs = [
          { shape: before, data: one },
          { data: two, name: after },
        ];
        const body = JSON.stringify({
          query: before,
          variables: { a: after, i: { inputs, before }, z: inputs },
        });
        expect(readLifted(body)).toEqual(JSON.parse(body));
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['in another field', JSON.stringify({ query: '{ a }', variables: { input: { readme: text } } })],
    ['as a variable of its own', JSON.stringify({ variables: { data: text } })],
    ['as the name of a field', JSON.stringify({ variables: { input: { inputs: [{ [text]: 1 }] } } })],
    ['given twice', `{"variables":{"i":{"inputs":[{"data":"${text}","data":"${text}"}]}}}`],
    ['with escapes', requestOf(text).replace('/', '\\/')],
    ['with an escape at its end', requestOf(`${text.slice(0, -1)}"`)],
    ['with a line break', requestOf(text).replace(text, `${text.slice(0, 70_000)}\n${text.slice(70_001)}`)],
    ['with padding in the middle', requestOf(`${text.slice(0, 20_000)}==${text.slice(20_002)}`)],
    ['with a letter of another alphabet', requestOf(`ü${text.slice(2)}`)],
    ['of no whole number of bytes', requestOf(text.slice(1))],
    ['that never ends', requestOf(text).slice(0, 30_000)],
    ['that is short', requestOf(text.slice(0, 1_000))],
    [
      'after very many others',
      requestOf(text, {}).replace('{', `{"a":${JSON.stringify(Array(300).fill('b'))},`),
    ],
  ])('is left to the parser %s', (_where, body) => {
    expect(readLifted(body)).toBeNull();
  });

  it('cannot be named by a request that guesses', () => {
    const body = Buffer.from(
      requestOf(text, { other: 'lifted 0', inputs: [{ data: 'lifted 0' }, { data: text }] }),
    );
    const lifted = lift(body);
    const parsed = JSON.parse(lifted!.rest.toString());
    expect(lifted!.restore(parsed)).toBe(true);
    expect(parsed.variables.input.inputs[0].data).toBe('lifted 0');
  });
});
