/** A server of its own whose one worker is killed, again and again, while it runs the same model. */
import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import { startServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { workerProcessesOf } from '../../support/worker-processes.js';
import { createClient } from './client.js';
import { slowModel } from './files.js';
import type { Sightings } from './selection.js';

export async function meetQuarantine(schema: GraphQLSchema, sightings: Sightings): Promise<void> {
  const other = await startServer({ INFERENCE_WORKERS: '1', INFERENCE_ISOLATION: 'process' });
  try {
    const { apiKey } = JSON.parse(readFileSync(`${other.dataDirectory}/bootstrap.json`, 'utf8')) as {
      apiKey: string;
    };
    const there = createClient(other.url, schema, sightings);
    const poison = await there.publish(apiKey, slowModel());
    const input = {
      target: { versionId: poison.versionId },
      inputs: [{ data: [[1, 1, 3000]] }],
      timeoutMs: 30_000,
    };
    const workers = '{ serverInfo { pool { workers { state } quarantined { packSha256 } } } }';
    let flight: Promise<void> | null = null;
    await until(
      async () => {
        const { serverInfo } = await there.ask(apiKey, workers);
        if (serverInfo.pool.quarantined.length > 0) return true;
        flight ??= there.answer('predict', apiKey, input).then(() => void (flight = null));
        if (serverInfo.pool.workers[0].state === 'busy') {
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
  } finally {
    await other.stop();
  }
}
