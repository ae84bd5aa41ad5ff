import { GraphQLError } from 'graphql';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { classifyError, logFault, maskError, withRequestId } from '../../../src/graphql/format-error.js';

const located = (originalError: Error) =>
  new GraphQLError(originalError.message, { originalError, path: ['model', 'owner'] });

const refusedConnection = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), {
  code: 'ECONNREFUSED',
});

describe('the mask', () => {
  it('lets pass what was written for the client', () => {
    const error = new GraphQLError('first must be between 1 and 100.', {
      extensions: { code: 'BAD_USER_INPUT' },
    });
    expect(maskError(error.toJSON(), error)).toEqual(error.toJSON());
    expect(classifyError(located(error))).toBe('known');
  });

  it.each([
    ['an error of a driver', new Error('relation "models" does not exist at SELECT * FROM models')],
    ['an error with a path of ours', new Error('ENOENT: /srv/souk/.data/artifacts/ab')],
    [
      'a GraphQL error that nobody gave a code',
      new GraphQLError('Cannot return null for non-nullable field'),
    ],
    [
      'a GraphQL error that says it is ours',
      new GraphQLError('x', { extensions: { code: 'INTERNAL_SERVER_ERROR' } }),
    ],
  ])('hides %s', (_what, cause) => {
    const error = located(cause);
    const masked = maskError(
      { ...error.toJSON(), extensions: { code: 'INTERNAL_SERVER_ERROR', query: 'SELECT 1' } },
      error,
    );
    expect(masked.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(masked.path).toEqual(['model', 'owner']);
    expect(JSON.stringify(masked)).not.toMatch(/SELECT|relation|srv|ENOENT|Cannot return/);
  });

  it('hides what is no error at all', () => {
    for (const thrown of ['text', 42, null, undefined, { code: 'SECRET' }]) {
      expect(maskError({ message: 'Unexpected error value: SECRET' }, thrown).message).not.toContain(
        'SECRET',
      );
    }
  });

  it('tells a lost database from a defect, and that a retry is worthwhile', () => {
    const error = located(refusedConnection);
    expect(maskError(error.toJSON(), error)).toMatchObject({
      message: expect.stringContaining('try again') as string,
      extensions: { code: 'SERVICE_UNAVAILABLE', retryable: true },
    });
    expect(classifyError(located(new Error('query failed', { cause: refusedConnection })))).toBe(
      'unavailable',
    );
  });

  it('does not show what an error brings along in extensions', () => {
    const error = Object.assign(new Error('boom'), { extensions: { code: 'BAD_USER_INPUT', sql: 'SELECT' } });
    expect(maskError(located(error).toJSON(), located(error)).extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
    });
  });

  it('puts code and request id on every error', () => {
    expect(withRequestId({ message: 'x' }, 'req_1').extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
      requestId: 'req_1',
    });
    const known = withRequestId({ message: 'x', extensions: { code: 'NOT_FOUND' } }, 'req_1');
    expect(known.extensions).toEqual({ code: 'NOT_FOUND', requestId: 'req_1' });
  });

  it('logs a fault once, with its stack, and a known error never', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    logFault(located(new Error('boom')), log);
    logFault(new GraphQLError('x', { extensions: { code: 'NOT_FOUND' } }), log);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 50,
      err: { message: 'boom' },
      path: ['model', 'owner'],
    });
    expect(lines[0]).toContain('stack');
  });
});
