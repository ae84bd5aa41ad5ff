/** `souk` as people run it: a process of its own against a real server, through a gate that cuts. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
// @ts-expect-error plain JavaScript without types
import { openGate as untypedGate } from '../../scripts/uploads/gate.mjs';
import { newTenant, succeed } from '../support/api.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';

interface Gate {
  readonly url: string;
  cutsMade(): number;
  close(): void;
}
const openGate = untypedGate as (
  target: () => number,
  cuts: readonly { at: number; how: 'reset' | 'end' | 'hold'; from?: 'client' | 'server' }[],
) => Promise<Gate>;

const bin = fileURLToPath(new URL('../../bin/souk.mjs', import.meta.url));
const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
let home: string;
let slug: string;
let secret: string;
beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
});
afterAll(() => server.stop());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'souk-cli-'));
  const tenant = await newTenant(server.url);
  slug = tenant.slug;
  const key = (await succeed(server.url, tenant.token, 'createApiKey', 'secret', {
    name: 'cli',
    scopes: [
      'MODEL_READ',
      'MODEL_WRITE',
      'VERSION_PUBLISH',
      'ARTIFACT_DOWNLOAD',
      'TENANT_READ',
      'PREDICTION_RUN',
    ],
  })) as never as { secret: string };
  secret = key.secret;
  return () => rm(home, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], environment: Record<string, string> = {}, input = '') {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: home,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      SOUK_URL: server.url,
      SOUK_API_KEY: secret,
      ...environment,
    },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  child.stdin.end(input);
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, out, err }));
  return { child, ended, said: () => err };
}

async function souk(args: readonly string[], environment: Record<string, string> = {}, input = '') {
  const result = await start(args, environment, input).ended;
  // Whatever is done, the key is never shown.
  expect(result.out + result.err).not.toContain(secret);
  return result;
}

const portOf = () => Number(new URL(server.url).port);
const gateWith = (...cuts: Parameters<typeof openGate>[1]) => openGate(portOf, cuts);

it('publishes a file, does nothing the second time, sends nothing the third, and fetches it again', async () => {
  const file = fixture('keras/dense.keras');
  const model = `${slug}/dense`;
  const missing = await souk(['push', file, '--model', model]);
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('--create makes it') as string]);

  const first = await souk(['push', file, '--model', model, '--create', '--notes', 'The first.']);
  expect(first.code, first.err).toBe(0);
  expect(first.out).toMatch(/^Published .*\/dense:1\n/);
  expect(first.out).toContain(sha256(await readFile(file)));
  expect(first.out).toMatch(
    /served by TFJS_\w+\n(.*\n)* {4}\w+: loads in [\d.]+ ms, runs in [\d.]+ ms \(chosen\)/,
  );
  // No terminal: plain lines, nothing that moves.
  expect(first.err).toMatch(/Sending: 100 % \(/);
  expect(first.err).not.toContain('\r');

  const second = await souk(['push', file, '--model', model, '--json']);
  expect(JSON.parse(second.out)).toMatchObject({ published: false, version: { number: 1 } });
  const third = await souk(['push', file, '--model', model, '--again', '--json']);
  expect(JSON.parse(third.out)).toMatchObject({ published: true, wasSent: false, version: { number: 2 } });
  expect(third.err).toBe('');

  const pulled = await souk(['pull', `${model}:1`, '--json']);
  const { path } = JSON.parse(pulled.out) as { path: string };
  expect(path).toBe(join(home, 'dense-1.keras'));
  expect(sha256(await readFile(path))).toBe(sha256(await readFile(file)));
  // Nothing half-fetched stays beside it.
  expect((await readdir(home)).sort()).toEqual(['.config', 'dense-1.keras']);

  const lists = await Promise.all([souk(['models']), souk(['versions', model])]);
  expect(lists.map(({ out }) => out)).toEqual([
    expect.stringMatching(new RegExp(`^MODEL +NEWEST.*\n(.*\n)*${model} +2 +KERAS_V3`)) as string,
    expect.stringMatching(/^VERSION +FORMAT.*\n2 +KERAS_V3.*\n1 +KERAS_V3/) as string,
  ]);
});

it('publishes only what answers its sample, and answers the same to predict', async () => {
  const model = `${slug}/sampled`;
  const { inputs, outputs } = JSON.parse(await readFile(fixture('keras/dense.io.json'), 'utf8')) as Record<
    'inputs' | 'outputs',
    number[][]
  >;
  const call = { inputs: [{ data: inputs }], tolerance: 1e-5 };
  const wrong = outputs.map((row, at) => (at === 1 ? row.map((value) => value + 0.5) : row));
  await writeFile(join(home, 'right.json'), JSON.stringify({ ...call, outputs: [{ data: outputs }] }));
  await writeFile(join(home, 'wrong.json'), JSON.stringify({ ...call, outputs: [{ data: wrong }] }));
  const push = ['push', fixture('keras/dense.h5'), '--model', model, '--create', '--sample'];
  const refused = await souk([...push, 'wrong.json', '--json']);
  expect([refused.code, JSON.parse(refused.out)]).toEqual([
    1,
    {
      error: {
        code: 'SAMPLE_MISMATCH',
        message: expect.stringMatching(
          /at \[1, 0\] is [\d.]+; [\d.]+ is expected \(tolerance 0\.00001\)/,
        ) as string,
      },
    },
  ]);
  const published = await souk([...push, 'right.json']);
  expect(published.code, published.err).toBe(0);
  expect(published.out).toMatch(/^Published .*\/sampled:1\n/);

  const predicted = await souk(['predict', model, '--input', 'right.json']);
  expect(predicted.code, predicted.err).toBe(0);
  const [answer] = JSON.parse(predicted.out) as { datatype: string; shape: number[]; data: number[][] }[];
  expect(answer).toMatchObject({ datatype: 'FP32', shape: [3, 10] });
  const furthest = outputs.flat().map((value, at) => Math.abs(value - (answer?.data.flat()[at] ?? NaN)));
  expect(Math.max(...furthest)).toBeLessThan(1e-5);
  expect(predicted.err).toMatch(
    /^[\w-]+\/sampled:1 \| sha256 [0-9a-f]{12} \| TFJS_\w+, 3 rows \| queued .* ms \| charged 1.* \| prd_\w+, req_\w+\n$/,
  );
  const row = JSON.stringify([{ data: inputs.slice(0, 1) }]);
  const piped = await souk(['predict', model, '--version', '1', '--input', '-', '--json'], {}, row);
  expect([piped.code, piped.err]).toEqual([0, '']);
  expect(JSON.parse(piped.out)).toMatchObject({
    outputs: [{ shape: [1, 10] }],
    receipt: { versionNumber: 1, rows: 1 },
  });
  const mistaken = await souk(['predict', model, '--input', '-'], {}, '{"y": [[1]], "z": [[1]]}');
  expect([mistaken.code, mistaken.out]).toEqual([1, '']);
  expect(mistaken.err).toMatch(/no input named "y".*\(inputs\.0\.name\).*no input named "z"/);
});

it('goes on after the connection was cut, in both directions, and the digest is the same', async () => {
  const file = fixture('digits/digits.h5');
  const bytes = await readFile(file);
  const gate = await gateWith(
    { at: 300_000, how: 'reset' },
    { at: 700_000, how: 'reset' },
    // Else a busy client may lose all of it, and begins anew.
    { at: 900_000, how: 'end', from: 'server' },
  );
  try {
    const behindGate = { SOUK_URL: gate.url };
    const pushed = await souk(['push', file, '--model', `${slug}/digits`, '--create'], behindGate);
    expect(pushed.code, pushed.err).toBe(0);
    expect(gate.cutsMade()).toBe(2);
    expect(pushed.err).toContain('trying again');
    expect(pushed.out).toContain(sha256(bytes));
    const pulled = await souk(['pull', `${slug}/digits`, '-o', 'back.h5'], behindGate);
    expect(pulled.code, pulled.err).toBe(0);
    expect(gate.cutsMade()).toBe(3);
    expect(pulled.err).toContain('Going on at');
    expect(sha256(await readFile(join(home, 'back.h5')))).toBe(sha256(bytes));
    expect(await readdir(join(home, '.config', 'souk', 'uploads'))).toEqual([]);
  } finally {
    gate.close();
  }
});

it('goes on where it was after it was killed itself, and ends in good order on Ctrl-C', async () => {
  const file = fixture('digits/digits.keras');
  const args = ['push', file, '--model', `${slug}/digits`, '--create'];
  const gate = await gateWith({ at: 400_000, how: 'hold' }, { at: 800_000, how: 'hold' });
  const memory = join(home, '.config', 'souk', 'uploads');
  try {
    for (const [cut, signal] of ['SIGKILL', 'SIGINT'].entries()) {
      const { child, ended } = start(args, { SOUK_URL: gate.url });
      await until(() => gate.cutsMade() === cut + 1, { timeoutMs: 20_000 });
      child.kill(signal as NodeJS.Signals);
      const { code, err } = await ended;
      if (signal === 'SIGINT')
        expect([code, err]).toEqual([130, expect.stringMatching(/Run the same command again/) as string]);
      const [remembered = ''] = await readdir(memory);
      expect((await stat(join(memory, remembered))).mode & 0o077).toBe(0);
    }
    const last = await souk(args, { SOUK_URL: gate.url });
    expect(last.code, last.err).toBe(0);
    expect(last.err).toMatch(/Going on at [\d.]+ KiB, where an earlier try ended/);
    expect(last.out).toContain(sha256(await readFile(file)));
    expect(await readdir(memory)).toEqual([]);
  } finally {
    gate.close();
  }
});

it('packs a directory, the same each time', async () => {
  const directory = fixture('saved-model/dense');
  const first = await souk(['push', directory, '--model', `${slug}/saved`, '--create', '--json']);
  expect(first.code, first.err).toBe(0);
  expect(JSON.parse(first.out)).toMatchObject({ published: true, version: { format: 'SAVED_MODEL' } });
  const second = await souk(['push', directory, '--model', `${slug}/saved`, '--json']);
  expect(JSON.parse(second.out)).toMatchObject({ published: false, version: { number: 1 } });
});

it('keeps a key that it was given on stdin where only its owner can read it', async () => {
  const none = { SOUK_API_KEY: '', SOUK_URL: '' };
  expect((await souk(['models'], none)).code).toBe(3);
  const wrong = await souk(['login', server.url], none, 'not-a-key\n');
  expect([wrong.code, wrong.out]).toEqual([3, '']);
  const signedIn = await souk(['login', server.url], none, `${secret}\n`);
  expect([signedIn.code, signedIn.out]).toEqual([0, expect.stringContaining(`for ${slug}`) as string]);
  const file = join(home, '.config', 'souk', 'credentials.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await souk(['models'], none)).code).toBe(0);
  await chmod(file, 0o644);
  const open = await souk(['models'], none);
  expect([open.code, open.err]).toEqual([1, expect.stringContaining('Others can read') as string]);
});

it('says in one sentence what is wrong, with an exit code and as JSON', async () => {
  const file = fixture('keras/dense.keras');
  await writeFile(join(home, 'garbage.h5'), 'no model');
  const cases: readonly (readonly [string[], number, string])[] = [
    [['push', 'nothing.h5', '--model', `${slug}/x`], 1, 'FAILED'],
    [['push', file, '--model', 'no-slash'], 2, 'INVALID_INPUT'],
    [['push', file, '--model', 'operator/x', '--create'], 1, 'FAILED'],
    [['push', 'garbage.h5', '--model', `${slug}/garbage`, '--create'], 1, 'UNSUPPORTED_FORMAT'],
    [['pull', `${slug}/none`], 1, 'NOT_FOUND'],
    [['pull', `${slug}/none:0`], 2, 'INVALID_INPUT'],
    [['versions', `${slug}/none`], 1, 'NOT_FOUND'],
    [['predict', `${slug}/none`, '--input', 'garbage.h5'], 1, 'INVALID_INPUT'],
    [['predict', `${slug}/none:1`, '--alias', 'production', '--input', 'garbage.h5'], 2, 'INVALID_INPUT'],
    [['predict', `${slug}/none@production`, '--input', 'none.json'], 1, 'INVALID_INPUT'],
  ];
  for (const [args, code, name] of cases) {
    const { code: actual, out, err } = await souk([...args, '--json']);
    const { error } = JSON.parse(out) as { error: { code: string; message: string } };
    expect([args, actual, error.code], err).toEqual([args, code, name]);
    expect(error.message).toMatch(/^[A-Z/].*[.!]$/s);
  }
  expect((await souk(['models', '--json'], { SOUK_URL: 'http://127.0.0.1:9' })).code).toBe(4);
  expect((await souk(['models'], { SOUK_API_KEY: 'wrong' })).code).toBe(3);
});
