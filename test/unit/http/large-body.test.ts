/** Large JSON bodies take a shorter way through the parser; it must lead to the same answers. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HttpServer } from '../../../src/http/server.js';
import { openDoors } from './doors.js';

let server: HttpServer;
beforeAll(async () => {
  server = await openDoors();
});
afterAll(() => server.stop(100));

function send(payload: string) {
  const headers = { 'content-type': 'application/json' };
  return server.app.inject({ method: 'POST', url: '/graphql', headers, payload });
}

it.each([
  ['__proto__', '"__proto__":{"prototype":{"admin":true}}'],
  ['__proto__, with a space', '"__proto__" : {"admin":true}'],
  ['__proto__ in escapes', '"\\u005f\\u005F\\u0070roto__":{"admin":true}'],
  ['constructor', '"constructor":{"prototype":{"admin":true}}'],
  ['constructor in escapes', '"c\\u006fnstructor":{"prototype":{"admin":true}}'],
])('a large body is searched as well for a key that reaches a prototype: %s', async (_what, member) => {
  const payload = `{"query":"{ __typename }","variables":{"a":"${'A'.repeat(50_000)}",${member}}}`;
  const reply = await send(payload);
  expect(reply.statusCode).toBe(400);
});

it('a large body is read as it is, whatever else it holds', async () => {
  const text = JSON.stringify(`${'A'.repeat(50_000)}\n"constructor" __proto__ \u0001 ü 😀`);
  for (const payload of [
    `{"query":"{\\n __typename }","variables":{"a":${text}}}`,
    `{"query":"{ __typename }","variables":{"a":"${'A'.repeat(50_000)}"}}`,
  ]) {
    const reply = await send(payload);
    expect([reply.statusCode, reply.json()]).toEqual([200, { data: { __typename: 'Query' } }]);
  }
  const cut = `{"query":"{ __typename }","variables":{"a":"${'A'.repeat(50_000)}`;
  const reply = await send(cut);
  expect(reply.statusCode).toBe(400);
  expect(reply.json()).toHaveProperty('errors.0.extensions.code');
});
