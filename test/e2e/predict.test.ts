/** The corridor through the public API: encodings, replay, refusals, revocation, and exactly K of many. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict, succeed } from '../support/api.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let owner: { token: string; slug: string };
let versionId: string;
let modelId: string;

const row = Array.from({ length: 10 }, (_, i) => i / 10);

beforeAll(async () => {
  server = await startServer();
  owner = await newTenant(server.url, 'owner');
  ({ versionId, modelId } = await newVersion(server.url, owner.token));
});
afterAll(() => server.stop());

async function newKey(token: string, input: object = {}): Promise<{ id: string; secret: string }> {
  const payload = (await succeed(server.url, token, 'createApiKey', 'apiKey { id } secret', {
    name: 'test',
    ...input,
  })) as never as { apiKey: { id: string }; secret: string };
  return { id: payload.apiKey.id, secret: payload.secret };
}

describe('encodings', () => {
  it('nested JSON, flat JSON and base64 of the same numbers give the same answer', async () => {
    const bytes = Buffer.from(Float32Array.from([...row, ...row]).buffer).toString('base64');
    const inputs = [
      { data: [row, row] },
      { data: [...row, ...row], shape: [2, 10] },
      { data: bytes, shape: [2, 10] },
    ];
    const answers = [];
    for (const input of inputs) {
      answers.push(await predict(server.url, owner.token, { target: { versionId }, inputs: [input] }));
    }
    const [first, ...others] = answers.map((answer) => answer.prediction?.outputs);
    expect(first?.[0]?.shape).toEqual([2, 10]);
    for (const other of others) expect(other).toEqual(first);
    expect(answers[0]?.prediction?.receipt).toMatchObject({ rows: 2, charged: 1, versionNumber: 1 });
  });

  it('base64 outputs are the same numbers', async () => {
    const input = { target: { versionId }, inputs: [{ data: [row] }] };
    const asJson = await predict(server.url, owner.token, input);
    const asBytes = await predict(server.url, owner.token, { ...input, outputEncoding: 'BASE64' });
    const bytes = Buffer.from(asBytes.prediction?.outputs?.[0]?.data as string, 'base64');
    const values = Array.from({ length: 10 }, (_, i) => bytes.readFloatLE(i * 4));
    expect((asJson.prediction?.outputs?.[0]?.data as number[][])[0]).toEqual(values);
  });

  it('NaN and Infinity survive in base64, and are strings in JSON', async () => {
    // One normalisation layer: each number goes its own way, so what comes in not finite comes out so.
    const normalization = await newVersion(server.url, owner.token, 'layers/normalization.keras');
    const input = {
      target: { versionId: normalization.versionId },
      inputs: [{ data: [['NaN', 'Infinity', '-Infinity', 1, 2]] }],
    };
    const asJson = await predict(server.url, owner.token, input);
    expect(asJson.errors).toEqual([]);
    const output = asJson.prediction?.outputs?.[0];
    expect(output?.nonFiniteCount).toBe(3);
    expect((output?.data as unknown[][])[0]?.slice(0, 3)).toEqual(['NaN', 'Infinity', '-Infinity']);
    const asBytes = await predict(server.url, owner.token, { ...input, outputEncoding: 'BASE64' });
    const bytes = Buffer.from(asBytes.prediction?.outputs?.[0]?.data as string, 'base64');
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([NaN, Infinity, -Infinity]);
    expect(bytes.readFloatLE(12)).toBe((output?.data as number[][])[0]?.[3]);
  });
});

describe('a target', () => {
  it('can be a version, a model, or a name with and without a number', async () => {
    const named = await ask(
      server.url,
      owner.token,
      'query ($id: ID!) { node(id: $id) { ... on Model { fullName } } }',
      {
        id: modelId,
      },
    );
    const { fullName } = named.data?.['node'] as { fullName: string };
    for (const target of [{ versionId }, { modelId }, { model: fullName }, { model: `${fullName}:1` }]) {
      const answer = await predict(server.url, owner.token, { target, inputs: [{ data: [row] }] });
      expect(answer.prediction?.receipt.versionId).toBe(versionId);
    }
    const missing = await predict(server.url, owner.token, {
      target: { model: `${fullName}:2` },
      inputs: [{ data: [row] }],
    });
    expect(missing.errors.map((error) => error.code)).toEqual(['NOT_FOUND']);
  });
});

describe('an idempotency key', () => {
  it('runs fifty parallel requests once, and charges once', async () => {
    const key = await newKey(owner.token, { predictionsPerMonth: 10 });
    const input = { target: { versionId }, inputs: [{ data: [row] }], idempotencyKey: `once-${key.id}` };
    // Of the pool itself: that it is charged once does not say that it was executed once.
    const executions = async () =>
      /^souk_pool_answered_total (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
    await predict(server.url, key.secret, { ...input, idempotencyKey: null });
    const before = Number(await executions());
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => predict(server.url, key.secret, input)),
    );
    expect(new Set(answers.map((answer) => answer.prediction?.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.prediction?.receipt.charged === 1)).toHaveLength(1);
    for (const answer of answers) expect(answer.prediction?.outputs).toEqual(answers[0]?.prediction?.outputs);
    expect(Number(await executions())).toBe(before + 1);
    const quota = await ask(server.url, key.secret, '{ quota { subject used } }');
    expect(quota.data?.['quota']).toContainEqual({ subject: 'API_KEY', used: 2 });
  });

  it('refuses another request under the same key', async () => {
    const input = { target: { versionId }, inputs: [{ data: [row] }], idempotencyKey: 'reused' };
    await predict(server.url, owner.token, input);
    const other = await predict(server.url, owner.token, {
      ...input,
      inputs: [{ data: [[...row].reverse()] }],
    });
    expect(other.errors.map((error) => error.code)).toEqual(['IDEMPOTENCY_MISMATCH']);
  });
});

describe('a quota', () => {
  it('admits exactly what is left of many parallel requests, and all accounts agree', async () => {
    const limit = 23;
    const consumer = await newTenant(server.url, 'consumer');
    await succeed(server.url, owner.token, 'grantAccess', 'grant { id }', {
      modelId,
      granteeSlug: consumer.slug,
      rights: ['PREDICT'],
    });
    const key = await newKey(consumer.token, { predictionsPerMonth: limit });
    const input = { target: { versionId }, inputs: [{ data: [row] }] };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => predict(server.url, key.secret, input)),
    );
    expect(answers.filter((answer) => answer.prediction !== null)).toHaveLength(limit);
    const refused = answers.filter((answer) => answer.prediction === null);
    for (const answer of refused) {
      expect(answer.errors[0]).toMatchObject({ code: 'QUOTA_EXCEEDED', subject: 'API_KEY', limit });
      expect(new Date(answer.errors[0]?.resetsAt ?? 0).getUTCDate()).toBe(1);
    }
    const accounts = await ask(
      server.url,
      key.secret,
      '{ quota { subject used reserved } usage(groupBy: [API_KEY], granularity: DAY) { total { predictions rows } rows { apiKeyId sum { predictions } } } predictions(first: 100) { nodes { id } } }',
    );
    expect(accounts.data?.['quota']).toEqual(
      expect.arrayContaining([
        { subject: 'TENANT', used: limit, reserved: 0 },
        { subject: 'API_KEY', used: limit, reserved: 0 },
      ]),
    );
    expect(accounts.data?.['usage']).toMatchObject({ total: { predictions: limit, rows: limit } });
    expect((accounts.data?.['predictions'] as { nodes: unknown[] }).nodes).toHaveLength(limit);
  });

  it('is told in the header fields that HTTP libraries know, admitted and refused', async () => {
    const { id: apiKeyId, secret } = await newKey(owner.token, { predictionsPerMonth: 2 });
    await succeed(server.url, owner.token, 'setLimit', 'limit { amount }', {
      ...{ apiKeyId, modelId, measure: 'ROWS', window: 'DAY', amount: 7 },
    });
    const answer = async (query: string) => {
      const { status, headers } = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify({
          query,
          variables: { input: { target: { versionId }, inputs: [{ data: [row] }] } },
        }),
      });
      const field = (name: string) => headers.get(name);
      return [status, field('ratelimit-policy'), field('ratelimit'), field('retry-after')];
    };
    const document = 'mutation ($input: PredictInput!) { predict(input: $input) { errors { code } } }';
    const rows = `key-rows-day-${modelId.replace('_', '-')}`;
    const [status, policies, left, retry] = await answer(document);
    expect([status, retry]).toEqual([200, null]);
    const month = String.raw`;w=(?:2419200|2505600|2592000|2678400)`;
    expect(policies).toMatch(
      new RegExp(
        `^"tenant-predictions-month";q=\\d+${month}, "key-predictions-month";q=2${month}, "${rows}";q=7;w=86400;qu="rows"$`,
      ),
    );
    expect(left).toMatch(
      new RegExp(
        `^"tenant-predictions-month";r=\\d+;t=\\d+, "key-predictions-month";r=1;t=\\d+, "${rows}";r=6;t=\\d+$`,
      ),
    );
    await answer(document);
    const refused = await answer(document);
    expect(refused[1]).toMatch(/^"key-predictions-month";q=2;w=\d+$/);
    expect(refused[2]).toMatch(/^"key-predictions-month";r=0;t=\d+$/);
    expect(refused[2]).toBe(`"key-predictions-month";r=0;t=${refused[3]}`);
    // Nothing is said where no prediction was asked for.
    expect((await answer('{ __typename }')).slice(1)).toEqual([null, null, null]);
  });
});

describe('revocation', () => {
  it('of a grant, of a key and of a session is effective with the reply', async () => {
    const consumer = await newTenant(server.url, 'revoked');
    const input = { target: { versionId }, inputs: [{ data: [row] }] };
    const before = await predict(server.url, consumer.token, input);
    expect(before.errors.map((error) => error.code)).toEqual(['NOT_FOUND']);

    const { grant } = (await succeed(server.url, owner.token, 'grantAccess', 'grant { id }', {
      modelId,
      granteeSlug: consumer.slug,
      rights: ['VIEW'],
    })) as never as { grant: { id: string } };
    const seen = await predict(server.url, consumer.token, input);
    expect(seen.errors.map((error) => error.code)).toEqual(['NOT_ENTITLED']);

    const better = (await succeed(server.url, owner.token, 'grantAccess', 'grant { id }', {
      modelId,
      granteeSlug: consumer.slug,
      rights: ['PREDICT'],
    })) as never as { grant: { id: string } };
    const key = await newKey(consumer.token);
    expect((await predict(server.url, key.secret, input)).errors).toEqual([]);
    expect(better.grant.id).not.toBe(grant.id);

    await succeed(server.url, owner.token, 'revokeAccess', 'revokedGrantId', { grantId: better.grant.id });
    expect((await predict(server.url, key.secret, input)).errors.map((error) => error.code)).toEqual([
      'NOT_FOUND',
    ]);

    await succeed(server.url, consumer.token, 'revokeApiKey', 'apiKey { id }', { apiKeyId: key.id });
    const revoked = await ask(server.url, key.secret, '{ viewer { tenant { id } } }');
    expect(revoked.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');

    await succeed(server.url, consumer.token, 'signOut', 'endedSessionIds', {});
    const signedOut = await ask(server.url, consumer.token, '{ viewer { tenant { id } } }');
    expect(signedOut.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});

it('a timeout refuses, and charges nothing', async () => {
  const tenant = await newTenant(server.url, 'timeout');
  const slow = await newVersion(server.url, tenant.token, 'digits/digits.h5');
  const answer = await predict(server.url, tenant.token, {
    target: { versionId: slow.versionId },
    inputs: [{ data: Buffer.alloc(4000 * 28 * 28 * 4).toString('base64'), shape: [4000, 28, 28, 1] }],
    timeoutMs: 1,
  });
  expect(answer.errors.map((error) => error.code)).toEqual(['DEADLINE_EXCEEDED']);
  const quota = await ask(server.url, tenant.token, '{ quota { used reserved } }');
  expect(quota.data?.['quota']).toEqual([{ used: 0, reserved: 0 }]);
});
