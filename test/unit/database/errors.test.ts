import { describe, expect, it } from 'vitest';
import { isDatabaseUnavailable, isSerializationConflict } from '../../../src/database/errors.js';

const error = (parts: object) => Object.assign(new Error('x'), parts);

describe('isDatabaseUnavailable', () => {
  it.each([
    ['a refused connection', error({ code: 'ECONNREFUSED' })],
    ['a shutdown by the administrator', error({ code: '57P01' })],
    ['a server that is starting', error({ code: '57P03' })],
    ['too many connections', error({ code: '53300' })],
    ['a full disk', error({ code: '53100' })],
    ['our own statement timeout', error({ code: '57014' })],
    ['a pool with no connection in time', new Error('timeout exceeded when trying to connect')],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['all addresses failing', new AggregateError([error({ code: 'ECONNREFUSED' })])],
    ["Prisma's word for it", error({ code: 'P1001' })],
    ['what the adapter wraps', error({ cause: { kind: 'postgres', originalCode: '57P01' } })],
    [
      'what Prisma wraps around the adapter',
      error({ code: 'P2010', meta: { driverAdapterError: { cause: { kind: 'ConnectionClosed' } } } }),
    ],
  ])('is true for %s', (_name, value) => {
    expect(isDatabaseUnavailable(value)).toBe(true);
  });

  it.each([
    ['a unique violation', error({ code: '23505' })],
    ['a syntax error', error({ code: '42601' })],
    ["Prisma's record not found", error({ code: 'P2025' })],
    ['any other error', new Error('Cannot read properties of undefined')],
    ['no error at all', null],
    ['a text', 'ECONNREFUSED'],
  ])('is false for %s', (_name, value) => {
    expect(isDatabaseUnavailable(value)).toBe(false);
  });

  it('ends on an error that is its own cause', () => {
    const loop = error({});
    loop.cause = loop;
    expect(isDatabaseUnavailable(loop)).toBe(false);
  });
});

describe('isSerializationConflict', () => {
  it('knows deadlocks and serialization failures of pg and of Prisma, and nothing else', () => {
    expect(isSerializationConflict(error({ code: '40001' }))).toBe(true);
    expect(isSerializationConflict(error({ code: 'P2034' }))).toBe(true);
    expect(isSerializationConflict(error({ cause: { kind: 'postgres', code: '40P01' } }))).toBe(true);
    expect(isSerializationConflict(error({ code: '57P01' }))).toBe(false);
  });
});
