/** Starting and stopping: one clear sentence for what is wrong, and nothing left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict } from '../support/api.js';
import { startServer } from '../support/server.js';
import { until } from '../support/until.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Runs the server to its end: for starts that must fail. */
async function runToEnd(
  environment: Record<string, string>,
): Promise<{ code: number; stderr: string; stdout: string }> {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  let stdout = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr, stdout };
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'souk-lifecycle-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a start that cannot work says why in one sentence and exits 1', () => {
  it('names every broken setting at once', async () => {
    const { code, stderr } = await runToEnd({
      PORT: 'many',
      LOG_LEVEL: 'loud',
      MAX_UPLOAD_BYTES: '-1',
      DATA_DIR: directory,
    });
    expect(code).toBe(1);
    for (const name of ['PORT', 'LOG_LEVEL', 'MAX_UPLOAD_BYTES']) expect(stderr).toContain(name);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await runToEnd({ PORT: String(port), DATA_DIR: join(directory, 'port') });
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toContain(String(port));
    expect(stderr).toMatch(/in use/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a data directory that cannot be written', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    const { code, stderr } = await runToEnd({ PORT: '0', DATA_DIR: join(file, 'data') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/data directory/i);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a database that does not answer', async () => {
    const { code, stderr } = await runToEnd({
      PORT: '0',
      DATA_DIR: join(directory, 'database'),
      DATABASE_URL: 'postgresql://nobody:secret@127.0.0.1:9/none',
      JWT_SECRET: 'a secret of the lifecycle test, 32 bytes or more',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/database/i);
    expect(stderr).not.toContain('secret@');
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('a running server', () => {
  it('keeps the first credentials in a file of its owner only, stops within 10 s, and starts again on the same data', async () => {
    const dataDirectory = join(directory, 'kept');
    const first = await startServer({}, { dataDirectory });
    const bootstrapFile = join(dataDirectory, 'bootstrap.json');
    expect((await stat(bootstrapFile)).mode & 0o777).toBe(0o600);
    const bootstrap = JSON.parse(await readFile(bootstrapFile, 'utf8')) as {
      apiKey: string;
      email: string;
      password: string;
    };
    const { versionId } = await newVersion(first.url, bootstrap.apiKey);
    const input = { target: { versionId }, inputs: [{ data: [Array<number>(10).fill(0.1)] }] };
    expect((await predict(first.url, bootstrap.apiKey, input)).errors).toEqual([]);
    const postgres = await postmasterPid(dataDirectory);
    const startedAt = performance.now();
    expect(await first.end('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(isAlive(postgres)).toBe(false);

    const second = await startServer({}, { dataDirectory });
    expect((await predict(second.url, bootstrap.apiKey, input)).errors).toEqual([]);
    await second.end('SIGKILL');

    const third = await startServer({}, { dataDirectory });
    expect((await predict(third.url, bootstrap.apiKey, input)).errors).toEqual([]);
    const quota = await ask(third.url, bootstrap.apiKey, '{ quota { subject used reserved } }');
    expect(quota.data?.['quota']).toContainEqual({ subject: 'TENANT', used: 3, reserved: 0 });
    await third.stop();
  }, 120_000);

  it('goes on when its own PostgreSQL is killed', async () => {
    const dataDirectory = join(directory, 'killed');
    const server = await startServer({}, { dataDirectory });
    const { token } = await newTenant(server.url, 'killed');
    process.kill(await postmasterPid(dataDirectory), 'SIGKILL');
    await until(
      async () => (await ask(server.url, token, '{ viewer { user { id } } }')).errors.length === 0,
      {
        timeoutMs: 20_000,
      },
    );
    await server.stop();
    expect(existsSync(join(dataDirectory, 'postgres', 'postmaster.pid'))).toBe(false);
  });
});

async function postmasterPid(dataDirectory: string): Promise<number> {
  const file = await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8');
  return Number(file.split('\n')[0]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
