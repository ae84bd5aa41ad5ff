/** A resolver learns that its caller has gone; requests that were answered before on the same connection do not matter. */
import { Agent, request } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { HttpServer } from '../../../src/http/server.js';
import { until } from '../../support/until.js';
import { openDoors } from './doors.js';

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A server whose `viewer` waits for `work`, and a client with one connection. */
async function open(work: (signal: AbortSignal) => Promise<void>) {
  const server: HttpServer = await openDoors({
    query: {
      viewer: async (_root, _args, context) => {
        await work(context.signal);
        return null;
      },
    },
  });
  const url = await server.start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  opened.push(
    () => server.stop(100),
    () => agent.destroy(),
  );
  return (document: string) => {
    const sent = request(`${url}/graphql`, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    sent.end(JSON.stringify({ query: document }));
    const answered = new Promise<string>((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve(text));
      });
    });
    return { sent, answered };
  };
}

it('fires when the caller goes before the answer, also after other answers on the connection', async () => {
  const signals: AbortSignal[] = [];
  let isAborted = false;
  const send = await open(async (signal) => {
    signals.push(signal);
    if (signals.length < 3) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    isAborted = true;
  });
  for (let i = 0; i < 2; i++) {
    expect(await send('{ viewer { permissions } }').answered).toContain('"viewer":null');
  }
  expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  const { sent, answered } = send('{ viewer { permissions } }');
  answered.catch(() => undefined);
  await until(() => signals.length === 3);
  sent.destroy();
  await until(() => isAborted);
});

it('another caller’s going is not noticed', async () => {
  const signals: AbortSignal[] = [];
  let release = () => undefined as void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const work = async (signal: AbortSignal) => {
    signals.push(signal);
    await held;
  };
  const one = await open(work);
  const staying = one('{ viewer { permissions } }');
  await until(() => signals.length === 1);
  const other = await open(work);
  const going = other('{ viewer { permissions } }');
  going.answered.catch(() => undefined);
  await until(() => signals.length === 2);
  going.sent.destroy();
  await until(() => signals[1]?.aborted);
  expect(signals[0]?.aborted).toBe(false);
  release();
  expect(await staying.answered).toContain('"viewer":null');
});
