import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../src/http/server.js';
import { openDoors } from '../unit/http/doors.js';

describe('GraphQL over HTTP', () => {
  let server: HttpServer;
  let url: string;
  beforeAll(async () => {
    server = await openDoors();
    url = `${await server.start()}/graphql`;
  });
  afterAll(() => server.stop(1_000));

  it('passes all 61 audits of the specification', async () => {
    const results = await auditServer({
      url,
      fetchFn: (input: string, init: RequestInit = {}) =>
        fetch(input, {
          ...init,
          headers: { ...(init.headers as Record<string, string>), 'apollo-require-preflight': 'true' },
        }),
    });
    const failures = results
      .filter(({ status }) => status !== 'ok')
      .map(
        (result) =>
          `${result.id} ${result.status} ${result.name}: ${'reason' in result ? result.reason : ''}`,
      );
    expect(failures).toEqual([]);
    expect(results).toHaveLength(61);
  });
});
