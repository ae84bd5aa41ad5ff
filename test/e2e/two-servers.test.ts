/**
 * Two server processes on one Postgres and one folder of artifacts, the clock of one machine a day ahead: quotas, keys and
 * the calendar are as exact as in one.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict, succeed, type PredictAnswer } from '../support/api.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startServer, type TestServer } from '../support/server.js';

const DAY_MS = 86_400_000;
const ROW = Array<number>(10).fill(0.1);

let database: TestDatabase;
let directory: string;
let servers: [TestServer, TestServer];
let owner: { token: string; slug: string };
let versionId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'souk-two-'));
  const environment = {
    DATABASE_URL: database.url,
    JWT_SECRET: 'a secret of the test of two servers, 32 bytes or more',
    // One small engine each: which one computes makes no difference here.
    INFERENCE_WORKERS: '1',
    INFERENCE_RUNTIMES: 'tfjs-wasm',
  };
  const ahead = {
    NODE_OPTIONS: `--import=${new URL('../support/clock-ahead.mjs', import.meta.url).href}`,
    SOUK_TEST_CLOCK_AHEAD_MS: String(DAY_MS),
  };
  servers = await Promise.all([
    startServer(environment, { dataDirectory: directory }),
    startServer({ ...environment, ...ahead }, { dataDirectory: directory }),
  ]);
  owner = await newTenant(servers[0].url, 'owner');
  ({ versionId } = await newVersion(servers[0].url, owner.token));
  // Each has loaded the model: what is measured below is many at once, not a first time.
  for (const { url } of servers) {
    const { errors } = await predict(url, owner.token, { target: { versionId }, inputs: [{ data: [ROW] }] });
    expect(errors).toEqual([]);
  }
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.end('SIGTERM')));
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  await database.stop();
});

async function newKey(limit: number): Promise<{ id: string; secret: string }> {
  const { apiKey, secret } = (await succeed(
    servers[0].url,
    owner.token,
    'createApiKey',
    'apiKey { id } secret',
    {
      name: 'two',
      predictionsPerMonth: limit,
    },
  )) as never as { apiKey: { id: string }; secret: string };
  return { id: apiKey.id, secret };
}

/** At once, every other one to the other server. */
function atOnce(count: number, secret: string, input: (i: number) => object): Promise<PredictAnswer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      predict(servers[i % 2]!.url, secret, { target: { versionId }, inputs: [{ data: [ROW] }], ...input(i) }),
    ),
  );
}

/** How often the pools of both have executed something, as their metrics say. */
async function executions(): Promise<number> {
  const pages = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return pages.reduce((sum, page) => {
    const [, count] = /^souk_pool_answered_total (\d+)$/m.exec(page) ?? [];
    if (count === undefined) throw new Error('The metrics do not say how much was executed.');
    return sum + Number(count);
  }, 0);
}

/** What quota, usage and the ledger say of a key, as each server sees it. */
async function accounts(key: { id: string; secret: string }) {
  const [row] = await database.asOwner<{ events: number }>(
    'SELECT count(*)::int AS events FROM usage_ledger WHERE api_key_id = $1',
    [key.id],
  );
  return Promise.all(
    servers.map(async ({ url }) => {
      const { data, text } = await ask(
        url,
        owner.token,
        `query ($key: ID!) { quota(apiKeyId: $key) { subject used reserved resetsAt }
          usage(groupBy: [API_KEY]) { rows { apiKeyId sum { predictions } } } }`,
        { key: key.id },
      );
      if (data === null) throw new Error(text);
      const { quota, usage } = data as never as {
        quota: { subject: string; used: number; reserved: number; resetsAt: string }[];
        usage: { rows: { apiKeyId: string | null; sum: { predictions: number } }[] };
      };
      const { used, resetsAt } = quota.find(({ subject }) => subject === 'API_KEY')!;
      return {
        used,
        resetsAt,
        usage: usage.rows.find((row) => row.apiKeyId === key.id)?.sum.predictions ?? 0,
        ledger: row?.events,
      };
    }),
  );
}

describe('a quota over two servers', () => {
  it.each([1, 37, 120])('with %i left, exactly so many of two hundred at once are admitted', async (left) => {
    const key = await newKey(left);
    const answers = await atOnce(200, key.secret, () => ({}));
    expect(answers.filter(({ prediction }) => prediction !== null)).toHaveLength(left);
    const refused = answers.filter(({ prediction }) => prediction === null);
    expect(new Set(refused.map(({ errors }) => errors[0]?.code))).toEqual(new Set(['QUOTA_EXCEEDED']));
    for (const account of await accounts(key)) {
      expect(account).toMatchObject({ used: left, usage: left, ledger: left });
    }
  });
});

describe('an idempotency key over two servers', () => {
  it('executes once of fifty at once, is charged once, and answers as before on both, for ever', async () => {
    const key = await newKey(1000);
    const before = await executions();
    const answers = await atOnce(50, key.secret, () => ({ idempotencyKey: 'once' }));
    expect(await executions()).toBe(before + 1);
    const again = await atOnce(4, key.secret, () => ({ idempotencyKey: 'once' }));
    expect(await executions()).toBe(before + 1);
    const predictions = [...answers, ...again].map(({ prediction }) => prediction!);
    expect(new Set(predictions.map(({ id }) => id)).size).toBe(1);
    expect(new Set(predictions.map(({ outputs }) => JSON.stringify(outputs))).size).toBe(1);
    expect(predictions.filter(({ receipt }) => receipt.charged === 1)).toHaveLength(1);
    expect(predictions.filter(({ receipt }) => !receipt.replayed)).toHaveLength(1);
    for (const account of await accounts(key))
      expect(account).toMatchObject({ used: 1, usage: 1, ledger: 1 });
  });

  it('of two bodies that come at once lets one execute, and refuses the other everywhere', async () => {
    const key = await newKey(1000);
    const before = await executions();
    const other = { inputs: [{ data: [[...ROW].fill(0.7)] }] };
    const isOther = (i: number) => i % 4 >= 2;
    const answers = await atOnce(40, key.secret, (i) => ({
      idempotencyKey: 'two bodies',
      ...(isOther(i) ? other : {}),
    }));
    expect(await executions()).toBe(before + 1);
    const winners = new Set(
      answers.flatMap(({ prediction }, i) => (prediction === null ? [] : [isOther(i)])),
    );
    expect(winners.size).toBe(1);
    for (const [i, { prediction, errors }] of answers.entries()) {
      const hasWon = winners.has(isOther(i));
      expect(prediction !== null).toBe(hasWon);
      expect(errors.map(({ code }) => code)).toEqual(hasWon ? [] : ['IDEMPOTENCY_MISMATCH']);
    }
    for (const account of await accounts(key))
      expect(account).toMatchObject({ used: 1, usage: 1, ledger: 1 });
  });
});

describe('a machine whose clock is a day ahead', () => {
  it('has the time of the database: for receipts, months, and the lives of tokens', async () => {
    const key = await newKey(1000);
    const answers = await atOnce(2, key.secret, () => ({}));
    const times = await Promise.all(
      answers.map(async ({ prediction }, i) => {
        const { data } = await ask(
          servers[1 - (i % 2)]!.url,
          owner.token,
          'query ($id: ID!) { prediction(id: $id) { createdAt } }',
          { id: prediction!.id },
        );
        return Date.parse((data as never as { prediction: { createdAt: string } }).prediction.createdAt);
      }),
    );
    for (const time of times) expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
    const [one, other] = await accounts(key);
    expect(one).toEqual(other);
    // Signed by the one that is ahead, the token is good on the other, and does not last a day longer.
    const late = await newTenant(servers[1].url, 'late');
    expect((await ask(servers[0].url, late.token, '{ viewer { user { id } } }')).errors).toEqual([]);
    const { exp } = JSON.parse(Buffer.from(late.token.split('.')[1]!, 'base64url').toString()) as {
      exp: number;
    };
    expect(exp * 1000 - Date.now()).toBeLessThan(DAY_MS / 2);
  });
});
