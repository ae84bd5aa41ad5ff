/** The pool in trouble: more predictions than may wait, and a model that takes workers down. */
import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import { startServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { workerProcessesOf } from '../../support/worker-processes.js';
import { createClient, type Client, type SeenError } from './client.js';
import { slowModel } from './files.js';
import type { Sightings } from './selection.js';

/** Seconds of native computing for `slowModel`. */
const HUGE = [[1, 1, 2500]];
const SHORT = 'mutation ($input: PredictInput!) { predict(input: $input) { errors { code } } }';
/** Above the 256 of a tenant that may wait, with what a run takes off at once. */
const FLOOD = 500;
/** For a machine that does something else as well. */
const PATIENCE = { timeoutMs: 25_000 };

/** The refusal of one prediction too many, and who waits meanwhile as operators see it. */
export async function meetOverload(
  url: string,
  client: Client,
  credential: string,
  operator: string,
  versionId: string,
): Promise<SeenError | undefined> {
  const input = (timeoutMs: number) => ({ target: { versionId }, inputs: [{ data: HUGE }], timeoutMs });
  // They leave as soon as one too many was seen, so that nobody waits for what they asked.
  const leaving = new AbortController();
  const flood = Array.from({ length: FLOOD }, () =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
      body: JSON.stringify({ query: SHORT, variables: { input: input(60_000) } }),
      signal: leaving.signal,
    }).then((answer) => answer.text()),
  );
  try {
    await until(async () => (await client.query('serverInfo', operator)).pool.queues.length > 0, PATIENCE);
    let overloaded: SeenError | undefined;
    await until(async () => {
      const { errors } = await client.answer('predict', credential, input(500));
      overloaded = (errors as readonly SeenError[]).find(({ code }) => code === 'OVERLOADED');
      return overloaded !== undefined;
    }, PATIENCE);
    return overloaded;
  } finally {
    leaving.abort();
    await Promise.allSettled(flood);
  }
}

/**
 * On a server of its own, whose one worker is killed again and again while it runs the same model. Answers what that
 * server, whose workers are processes, said of itself before.
 */
export async function meetQuarantine(schema: GraphQLSchema, sightings: Sightings): Promise<unknown> {
  const other = await startServer({ INFERENCE_WORKERS: '1', INFERENCE_ISOLATION: 'process' });
  try {
    const { apiKey } = JSON.parse(readFileSync(`${other.dataDirectory}/bootstrap.json`, 'utf8')) as {
      apiKey: string;
    };
    const there = createClient(other.url, schema, sightings);
    const atFirst: unknown = await there.query('serverInfo', apiKey);
    const poison = await there.publish(apiKey, slowModel());
    const input = {
      target: { versionId: poison.versionId },
      inputs: [{ data: [[1, 1, 3000]] }],
      timeoutMs: 30_000,
    };
    let flight = null as Promise<void> | null;
    await until(
      async () => {
        const { pool } = await there.query('serverInfo', apiKey);
        if (pool.quarantined.length > 0) return true;
        flight ??= there.answer('predict', apiKey, input).then(() => void (flight = null));
        if (pool.workers[0].state === 'busy') {
          for (const pid of workerProcessesOf(other.pid)) process.kill(pid, 'SIGKILL');
        }
        return false;
      },
      { timeoutMs: 40_000 },
    );
    await flight;
    const info = await there.query('serverInfo', apiKey);
    expect(info.isolation).toBe('PROCESS');
    expect(info.pool.quarantined).toMatchObject([{ quarantine: { crashes: 3 } }]);
    const version = await there.node('Version', apiKey, poison.versionId);
    expect(version.quarantine).toMatchObject({ crashes: 3, reason: expect.stringMatching(/\w/) });
    expect(Date.parse(version.quarantine.until)).toBeGreaterThan(Date.now());
    expect(info.pool.quarantined[0].versions).toEqual([`${version.model.fullName}:1`]);
    // Who may only use the model learns from the refusal, not from here.
    const [refusal] = await there.refused('predict', apiKey, input);
    expect(refusal?.message).toContain('set aside');
    await there.done('updateModel', apiKey, { modelId: poison.modelId, visibility: 'PUBLIC' });
    const { tenant, session } = await there.done('signUp', null, {
      email: 'eve@example.com',
      password: 'a long enough password',
      name: 'Eve',
      tenantSlug: 'eve',
    });
    expect(tenant.slug).toBe('eve');
    const seen = await there.node('Version', session.accessToken, poison.versionId);
    expect(seen).toMatchObject({ id: poison.versionId, quarantine: null });
    return atFirst;
  } finally {
    await other.stop();
  }
}
