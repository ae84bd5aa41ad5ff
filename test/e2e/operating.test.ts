/** What a prediction tells of itself, what operators see of the pool, and the live view in a terminal. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict } from '../support/api.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';

const TOP = fileURLToPath(new URL('../../scripts/top.mjs', import.meta.url));
const RECEIPT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id receipt { worker runtime sha256 batchSize batchRows rows queueMs batchMs loadMs computeMs } }
  errors { code message }
} }`;
const POOL = `{ serverInfo { isolation pool {
  queued queueLimit inFlight
  workers { name state running residents { packSha256 versions runtime bytes idleMs } runs busyMs replaced }
  queues { tenant { slug } queued bytes oldestMs }
  counters { admitted answered batches joined loads evictions refused { code count } }
  quarantined { versions }
} } }`;

interface Receipt {
  readonly worker: string;
  readonly batchSize: number;
  readonly batchRows: number;
  readonly rows: number;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly loadMs: number;
  readonly computeMs: number;
}

interface Pool {
  readonly queueLimit: number;
  readonly workers: readonly {
    readonly name: string;
    readonly residents: readonly { readonly versions: readonly string[]; readonly bytes: number }[];
  }[];
  readonly counters: { readonly answered: number; readonly batches: number; readonly joined: number };
}

let server: TestServer;
let operatorKey: string;
let owner: { token: string; slug: string };
let versionId: string;
const row = Array.from({ length: 10 }, (_, i) => i / 10);

beforeAll(async () => {
  server = await startServer();
  operatorKey = (
    JSON.parse(await readFile(`${server.dataDirectory}/bootstrap.json`, 'utf8')) as { apiKey: string }
  ).apiKey;
  owner = await newTenant(server.url, 'owner');
  ({ versionId } = await newVersion(server.url, owner.token, 'keras/dense.keras', { name: 'shown' }));
});
afterAll(() => server.stop());

async function receiptOf(more: object = {}, rows = 1): Promise<Receipt> {
  const input = {
    target: { versionId },
    inputs: [{ data: Array.from({ length: rows }, () => row) }],
    ...more,
  };
  const answer = await ask(server.url, owner.token, RECEIPT, { input });
  const { prediction } = answer.data?.['predict'] as { prediction: { receipt: Receipt } | null };
  if (prediction === null) throw new Error(answer.text);
  return prediction.receipt;
}

async function poolFor(credential: string | null): Promise<Pool | null> {
  const answer = await ask(server.url, credential, POOL);
  expect(answer.errors).toEqual([]);
  return (answer.data?.['serverInfo'] as { pool: Pool | null }).pool;
}

describe('a receipt', () => {
  it('accounts for no more time than the caller saw', async () => {
    for (let i = 0; i < 5; i++) {
      const startMs = performance.now();
      const receipt = await receiptOf({}, 3);
      const seenMs = performance.now() - startMs;
      const { queueMs, batchMs, loadMs, computeMs } = receipt;
      expect(Math.min(queueMs, batchMs, loadMs)).toBeGreaterThanOrEqual(0);
      expect(computeMs).toBeGreaterThan(0);
      expect(batchMs).toBeLessThanOrEqual(queueMs);
      expect(queueMs + loadMs + computeMs).toBeLessThanOrEqual(seenMs);
      expect(receipt).toMatchObject({ batchSize: 1, batchRows: 3, rows: 3 });
    }
  });

  it('tells how many requests shared the run, and of all of them the rows', async () => {
    let joined: Receipt | undefined;
    await until(
      async () => {
        const receipts = await Promise.all(Array.from({ length: 64 }, () => receiptOf({}, 2)));
        for (const { batchSize, batchRows, rows } of receipts) {
          expect(rows).toBe(2);
          expect(batchRows).toBe(2 * batchSize);
        }
        joined = receipts.find(({ batchSize }) => batchSize > 1);
        return joined !== undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(joined?.batchMs).toBeLessThanOrEqual(joined?.queueMs ?? 0);
    const pool = await poolFor(operatorKey);
    expect(pool?.counters.joined).toBeGreaterThan(1);
    expect(pool?.counters.batches).toBeLessThan(pool?.counters.answered ?? 0);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const [, alone, all] =
      /le="1"\} (\d+)[\s\S]*?le="\+Inf"\} (\d+)/.exec(
        text.slice(text.indexOf('TYPE souk_prediction_batch_requests')),
      ) ?? [];
    expect(Number(all) - Number(alone)).toBeGreaterThan(1);
  });

  it('reads the same later', async () => {
    const input = { target: { versionId }, inputs: [{ data: [row] }], idempotencyKey: 'receipt' };
    const [first, replayed] = [
      await ask(server.url, owner.token, RECEIPT, { input }),
      await ask(server.url, owner.token, RECEIPT, { input }),
    ];
    expect(replayed.data).toEqual(first.data);
    const { prediction } = first.data?.['predict'] as { prediction: { id: string; receipt: Receipt } };
    const later = await ask(
      server.url,
      owner.token,
      'query ($id: ID!) { prediction(id: $id) { receipt { worker batchSize batchRows rows queueMs batchMs loadMs computeMs } } }',
      { id: prediction.id },
    );
    expect(prediction.receipt).toMatchObject((later.data?.['prediction'] as { receipt: Receipt }).receipt);
  });
});

describe('a priority', () => {
  it.each(['LOW', 'NORMAL', 'HIGH', null])('%s is taken', async (priority) => {
    expect((await receiptOf({ priority })).batchSize).toBeGreaterThanOrEqual(1);
  });

  it('that does not exist is refused with those that do', async () => {
    const input = { target: { versionId }, inputs: [{ data: [row] }], priority: 'URGENT' };
    const answer = await ask(server.url, owner.token, RECEIPT, { input });
    expect(answer.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('does not make a request another one under its idempotency key', async () => {
    const input = { target: { versionId }, inputs: [{ data: [row] }], idempotencyKey: 'priority' };
    const first = await predict(server.url, owner.token, { ...input, priority: 'LOW' });
    const again = await predict(server.url, owner.token, { ...input, priority: 'HIGH' });
    expect(again.prediction?.id).toBe(first.prediction?.id);
  });
});

describe('the pool', () => {
  it('is shown to operators, with the names of what is in memory', async () => {
    await receiptOf();
    const pool = await poolFor(operatorKey);
    expect(pool?.queueLimit).toBeGreaterThan(0);
    expect(pool?.counters.answered).toBeGreaterThan(0);
    const residents = pool?.workers.flatMap((worker) => worker.residents) ?? [];
    expect(residents.flatMap(({ versions }) => versions)).toContain(`${owner.slug}/shown:1`);
    for (const { bytes } of residents) expect(bytes).toBeGreaterThan(0);
  });

  it('is shown to nobody else: not to a tenant’s owner, not without a credential', async () => {
    expect(await poolFor(owner.token)).toBeNull();
    expect(await poolFor(null)).toBeNull();
  });
});

describe('/metrics', () => {
  it('has the latencies of the model that ran, by the id of its tenant and not its name', async () => {
    await receiptOf();
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(
      new RegExp(
        `^souk_prediction_compute_seconds_count\\{model="${owner.slug}/shown",tenant="ten_[0-9a-z]+"\\} \\d+$`,
        'm',
      ),
    );
    expect(text).not.toContain(`tenant="${owner.slug}"`);
    expect(text).toMatch(/^souk_pool_workers\{state="(ready|busy)"\} \d+$/m);
  });
});

describe('npm run top', () => {
  const environment = () => ({ PATH: process.env['PATH'], DATA_DIR: server.dataDirectory });

  async function run(
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ): Promise<{ code: number; out: string; err: string }> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [TOP, ...args], {
        env,
        timeout: 20_000,
      });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  }

  it('prints the pool once, as plain text', async () => {
    await receiptOf();
    const { code, out, err } = await run(['--once'], environment());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(server.url);
    expect(out).toMatch(/^WORKER +STATE +BUSY/m);
    expect(out).toMatch(/^worker-0\.\d+ +(ready|busy)/m);
    expect(out).toContain(`${owner.slug}/shown:1`);
    expect(out).toMatch(/p50 [\d.]+ m?s/);
    expect(out).not.toContain('\u001b');
  });

  it('prints it as one JSON object, with a key from the environment', async () => {
    const env = { PATH: process.env['PATH'], DATA_DIR: '/nonexistent', SOUK_API_KEY: operatorKey };
    const { code, out } = await run(['--once', '--json', '--url', `${server.url}/`], env);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      url: server.url,
      isolation: 'THREAD',
      pool: { counters: { crashes: 0 } },
      rates: null,
    });
  });

  it('goes on until it is told to end, and ends with 0', async () => {
    const child = spawn(process.execPath, [TOP, '--json'], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(child, 'close');
    const readings: { rates: { answered: number; busy: object } | null }[] = [];
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) readings.push(JSON.parse(line) as (typeof readings)[number]);
      if (readings.length === 1) await receiptOf();
      if (readings.length >= 2) break;
    }
    child.kill('SIGINT');
    expect(await closed).toEqual([0, null]);
    expect(readings[0]?.rates).toBeNull();
    expect(readings[1]?.rates?.answered).toBeGreaterThan(0);
    expect(Object.keys(readings[1]?.rates?.busy ?? {}).length).toBeGreaterThan(0);
  });

  it('says what is missing: a key, the permission, the server', async () => {
    const none = await run(['--once'], { PATH: process.env['PATH'], DATA_DIR: '/nonexistent' });
    expect(none.code).toBe(1);
    expect(none.err).toContain('SOUK_API_KEY');
    const member = await run(['--once'], { ...environment(), SOUK_API_KEY: owner.token });
    expect(member).toMatchObject({ code: 1, out: '' });
    expect(member.err).toContain('PLATFORM_OPERATE');
    const away = await run(['--once', '--url', 'http://127.0.0.1:9'], environment());
    expect(away.code).toBe(1);
    expect(away.err).toContain('The server cannot be read');
    const unknown = await run(['--what'], environment());
    expect(unknown.code).toBe(1);
    expect(unknown.err).toContain('--once');
  });
});
