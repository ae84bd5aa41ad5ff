/** The database goes away while the server serves, and comes back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict, put } from '../support/api.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startServer, type TestServer } from '../support/server.js';
import { createTcpGate, type TcpGate } from '../support/tcp-gate.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let gate: TcpGate;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  gate = await createTcpGate({ host: url.hostname, port: Number(url.port) });
  url.port = String(gate.port);
  server = await startServer({
    DATABASE_URL: url.href,
    JWT_SECRET: 'a secret of the outage test, 32 bytes or more',
  });
});
afterAll(async () => {
  await server.stop();
  await gate.stop();
  await database.stop();
});

it('requests get a retryable error with code and request id, nothing crashes, and service resumes', async () => {
  const { token } = await newTenant(server.url, 'outage');
  const { versionId } = await newVersion(server.url, token);
  const input = { target: { versionId }, inputs: [{ data: [Array<number>(10).fill(0.1)] }] };
  expect((await predict(server.url, token, input)).errors).toEqual([]);

  gate.close();
  const startedAt = performance.now();
  const during = await Promise.all([
    ask(server.url, token, '{ viewer { user { id } } }'),
    ask(
      server.url,
      token,
      'mutation ($input: PredictInput!) { predict(input: $input) { prediction { id } errors { code } } }',
      { input },
    ),
    ask(
      server.url,
      null,
      'mutation { signIn(input: { email: "a@example.com", password: "some password" }) { errors { code } } }',
    ),
  ]);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  for (const answer of during) {
    expect(answer.errors[0]?.extensions.code, answer.text).toBe('SERVICE_UNAVAILABLE');
    expect(answer.errors[0]?.extensions.requestId, answer.text).toMatch(/^req_/);
    expect(answer.text).not.toMatch(/ECONN|prisma|postgres|node_modules/i);
  }
  expect((await put(server.url, token, 'bytes')).status).toBe(503);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);

  await gate.open();
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  expect((await predict(server.url, token, input)).errors).toEqual([]);
  const quota = await ask(server.url, token, '{ quota { used reserved } }');
  expect(quota.data?.['quota']).toEqual([{ used: 2, reserved: 0 }]);
});
