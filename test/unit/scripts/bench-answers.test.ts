import { describe, expect, it } from 'vitest';
// @ts-expect-error: plain JavaScript without types
import { judge as untypedJudge } from '../../../scripts/bench/judge.mjs';
// @ts-expect-error: plain JavaScript without types
import { conclude as untypedConclude } from '../../../scripts/bench/report.mjs';
// @ts-expect-error: plain JavaScript without types
import { postBytes as untypedPost, readResponse as untypedRead } from '../../../scripts/bench/wire.mjs';

const judge = (
  body: unknown,
  values: number[] | null,
  status = 200,
): { outcome: string; why?: string; code?: string } =>
  (untypedJudge as (status: number, body: Buffer, expect: object) => { outcome: string })(
    status,
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    values === null ? { kind: 'typename' } : { kind: 'predict', values },
  );
const answer = (data: unknown) => ({
  data: { predict: { prediction: { outputs: [{ data }], receipt: null }, errors: [] } },
});
const readResponse = untypedRead as (
  bytes: Buffer,
) => { status: number; body: Buffer; rest: Buffer; keepAlive: boolean } | null;

describe('an answer', () => {
  it('is right when every value is, as lists or as base64', () => {
    expect(judge(answer([[0.25, -3]]), [0.25, -3])).toMatchObject({ outcome: 'ok' });
    expect(judge(answer([[0.25], [-3]]), [0.25, -3])).toMatchObject({ outcome: 'ok' });
    const bytes = Buffer.from(Float32Array.of(0.25, -3).buffer).toString('base64');
    expect(judge(answer(bytes), [0.25, -3])).toMatchObject({ outcome: 'ok' });
  });

  it.each([
    ['somebody else’s rows', [[0.25, 4]]],
    ['a value too few', [[0.25]]],
    ['a value too many', [[0.25, -3, 0]]],
    ['NaN in words', [['NaN', -3]]],
    ['nothing', null],
    ['NaN in bytes', Buffer.from(Float32Array.of(NaN, -3).buffer).toString('base64')],
  ])('is wrong with %s', (_, data) => {
    expect(judge(answer(data), [0.25, -3])).toMatchObject({ outcome: 'wrong' });
  });

  it('is told apart from a refusal and from a failure', () => {
    const refused = { data: { predict: { prediction: null, errors: [{ code: 'OVERLOADED' }] } } };
    expect(judge(refused, [1])).toEqual({ outcome: 'refused', code: 'OVERLOADED' });
    expect(judge({ errors: [{ message: 'no' }] }, [1])).toMatchObject({ outcome: 'failed' });
    expect(judge('<html>', [1], 502)).toMatchObject({ outcome: 'failed' });
    expect(judge('the connection broke', [1], 0)).toMatchObject({ outcome: 'failed' });
    expect(judge({ data: { __typename: 'Query' } }, null)).toMatchObject({ outcome: 'ok' });
    expect(judge({ data: { __typename: 'Mutation' } }, null)).toMatchObject({ outcome: 'wrong' });
  });
});

describe('a response on the wire', () => {
  const whole = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  const chunked = Buffer.from(
    'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
  );

  it('is read with a length or in chunks, and not before it is complete', () => {
    for (const bytes of [whole, chunked]) {
      for (let end = 0; end < bytes.length; end++) expect(readResponse(bytes.subarray(0, end))).toBeNull();
      expect(readResponse(bytes)?.body.toString()).toBe('hello');
    }
    expect(readResponse(whole)).toMatchObject({ status: 200, keepAlive: true });
    expect(readResponse(chunked)).toMatchObject({ status: 201, keepAlive: false });
  });

  it('leaves what follows it', () => {
    expect(readResponse(Buffer.concat([whole, Buffer.from('HTTP/1.1')]))?.rest.toString()).toBe('HTTP/1.1');
  });

  it('answers a request whose length is in bytes, not in characters', () => {
    const bytes = (untypedPost as (url: string, key: string, json: string) => Buffer)(
      'http://127.0.0.1:80/graphql',
      'key',
      '{"a":"ü"}',
    ).toString('latin1');
    expect(bytes).toMatch(/^POST \/graphql HTTP\/1\.1\r\n/);
    expect(bytes).toContain('\r\ncontent-length: 10\r\n\r\n');
  });
});

describe('the table', () => {
  const arms = [
    { name: 'fast', keys: { 'fast.gain': { atLeast: 2 } } },
    { name: 'safe', keys: { 'safe.backMs': { atMost: 10, over: 'worst' } } },
  ];
  const round = (values: object) => ({ values, raw: {} });
  const conclude = (outcomes: object) =>
    (untypedConclude as (arms: object[], outcomes: object) => object[])(arms, outcomes);

  it('has the median, or the worst round where that counts', () => {
    const lines = conclude({
      fast: { rounds: [1, 9, 3].map((gain) => round({ 'fast.gain': gain })) },
      safe: { rounds: [5, 11, 4].map((back) => round({ 'safe.backMs': back })) },
    });
    expect(lines).toMatchObject([
      { key: 'fast.gain', value: 3, ok: true },
      { key: 'safe.backMs', value: 11, ok: false },
    ]);
  });

  it('has a line for what was not asked for, is not there, or broke; what broke has no value', () => {
    expect(conclude({ fast: { rounds: [], unavailable: 'no engine' } })).toMatchObject([
      { value: null, ok: null, note: 'no engine' },
      { value: null, ok: null, note: 'not asked for' },
    ]);
    expect(conclude({ fast: { rounds: [round({ 'fast.gain': 3 })], broken: 'wrong rows' } })).toMatchObject([
      { value: null, ok: false, note: 'wrong rows' },
      { value: null },
    ]);
  });
});
