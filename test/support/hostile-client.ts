/** Sends what no honest client sends, and checks what every answer owes, whatever was asked. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'vitest';

const LEAKS =
  /node_modules|\bat .*\.[jt]s:|SELECT |prisma|ECONN|\/tmp\/|postgres|stack|undefined is|Cannot read|Maximum call/i;
/** Far more than any of this takes on a busy machine, far less than what it took when it was an attack. */
const SOON_MS = 3_000;

export interface Hostile {
  readonly status: number;
  readonly text: string;
  readonly codes: readonly string[];
}

/** Checks what every answer owes, and gives back what a test may want to know. */
async function answerOf(response: Response, startedMs: number): Promise<Hostile> {
  const text = await response.text();
  expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
  expect(text).not.toMatch(LEAKS);
  expect(text).not.toContain('INTERNAL_SERVER_ERROR');
  expect(response.status).toBeLessThan(500);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const body = JSON.parse(text) as {
    errors?: { extensions: { code: string; requestId: string } }[];
    error?: { code: string; requestId: string };
  };
  const errors = [
    ...(body.errors ?? []).map(({ extensions }) => extensions),
    ...(body.error ? [body.error] : []),
  ];
  if (response.status >= 400) expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error.code).toMatch(/^[A-Z_]+$/);
    expect(error.requestId).toMatch(/^req_/);
  }
  return { status: response.status, text, codes: errors.map(({ code }) => code) };
}

export interface HostileClient {
  send(path: string, init?: RequestInit & { headers?: Record<string, string> }): Promise<Hostile>;
  /** To /graphql: an object as JSON, a text as it is. */
  post(body: string | object, headers?: Record<string, string>): Promise<Hostile>;
  /** Everything that the server says to this text until it closes the connection. */
  speak(text: string): Promise<string>;
}

/** @param token of a user; a header given with a request counts over it */
export function hostileClient(url: string, token: string): HostileClient {
  const client: HostileClient = {
    async send(path, init = {}) {
      const startedMs = performance.now();
      const headers = { authorization: `Bearer ${token}`, ...init.headers };
      return answerOf(await fetch(`${url}${path}`, { ...init, headers }), startedMs);
    },
    post: (body, headers = {}) =>
      client.send('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async speak(text) {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      let heard = '';
      socket.on('data', (chunk) => (heard += String(chunk)));
      socket.write(text);
      await once(socket, 'close');
      return heard;
    },
  };
  return Object.freeze(client);
}

export const repeat = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ');
export const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
export const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
