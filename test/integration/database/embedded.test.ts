import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../../src/database/index.js';
import { builtEntry } from '../../../src/lib/built-entry.js';
import { createLogger } from '../../../src/lib/logger.js';
import { removeDataDirectory } from '../../support/global-setup.js';
import { until } from '../../support/until.js';

const logger = createLogger('silent');
let dataDirectory: string;
const started: EmbeddedPostgres[] = [];

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'souk-embedded-'));
});

afterEach(async () => {
  for (const postgres of started.splice(0)) await postgres.stop();
  removeDataDirectory(dataDirectory);
});

function embedded(options: { launchMode?: 'account' } = {}): EmbeddedPostgres {
  const postgres = new EmbeddedPostgres({ dataDirectory, logger, ...options });
  started.push(postgres);
  return postgres;
}

async function rows(postgres: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: postgres.connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A Souk of its own process that starts Postgres in the data directory, and its server's process id. */
async function otherProcess(): Promise<{ kill: () => Promise<void>; postgresPid: number }> {
  const index = builtEntry(new URL('../../../src/x.ts', import.meta.url).href, './database/index.js').href;
  const code = `
    const { EmbeddedPostgres } = await import(${JSON.stringify(index)});
    const logger = { child: () => logger, debug() {}, info() {}, warn() {}, error() {} };
    const postgres = new EmbeddedPostgres({ dataDirectory: ${JSON.stringify(dataDirectory)}, logger });
    await postgres.start();
    process.stdout.write(String(postgres.pid) + '\\n');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    postgresPid: Number(chunk.toString()),
    async kill() {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

// Every test makes a cluster of its own, which waits for the disk.
describe('EmbeddedPostgres', { timeout: 90_000 }, () => {
  it('initialises once, keeps what was written, and leaves no process behind', async () => {
    const first = embedded();
    await first.start();
    const { pid } = first;
    await rows(first, 'CREATE TABLE kept (n int)');
    expect(
      await rows(first, `SELECT current_setting('fsync') AS f, current_setting('synchronous_commit') AS s`),
    ).toEqual([{ f: 'on', s: 'on' }]);
    await first.stop();
    expect(() => process.kill(pid ?? 0, 0)).toThrow();
    expect(statSync(join(dataDirectory, 'postgres.password')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(dataDirectory, 'souk.pid'))).toBe(false);
    await first.start();
    expect(await rows(first, 'SELECT * FROM kept')).toEqual([]);
  });

  it('can be stopped while it starts, and leaves nothing behind', async () => {
    const postgres = embedded();
    const starting = postgres.start().then(
      () => 'started',
      (error: unknown) => String(error),
    );
    await until(() => existsSync(join(dataDirectory, 'souk.pid')));
    await postgres.stop();
    expect(await starting).toMatch(/stopped before it was ready/);
    expect(postgres.pid).toBeNull();
    expect(existsSync(join(dataDirectory, 'souk.pid'))).toBe(false);
  });

  it('refuses a data directory that another live Souk uses', async () => {
    await embedded().start();
    await expect(embedded().start()).rejects.toThrow(/in use by another Souk \(process \d+\)/);
  });

  it('takes over after everything was killed without a word', async () => {
    const other = await otherProcess();
    process.kill(other.postgresPid, 'SIGKILL');
    await other.kill();
    expect(existsSync(join(dataDirectory, 'souk.pid'))).toBe(true);
    const next = embedded();
    await next.start();
    expect(await rows(next, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('takes over from a Souk that was killed while its server lived on', async () => {
    const other = await otherProcess();
    // Stopped, the server cannot follow its parent, as where the kernel offers no death signal.
    process.kill(other.postgresPid, 'SIGSTOP');
    await other.kill();
    const next = embedded();
    const starting = next.start();
    process.kill(other.postgresPid, 'SIGCONT');
    await starting;
    expect(await rows(next, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(next.pid).not.toBe(other.postgresPid);
  });

  it('is not misled by a process file whose process id belongs to somebody else by now', async () => {
    const first = embedded();
    await first.start();
    await first.stop();
    writeFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), `${process.ppid}\n/nowhere\n`);
    writeFileSync(
      join(dataDirectory, 'souk.pid'),
      JSON.stringify({ pid: process.ppid, startedAt: 'long ago' }),
    );
    await first.start();
    expect(await rows(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says in one sentence that data of another PostgreSQL version cannot be used', async () => {
    mkdirSync(join(dataDirectory, 'postgres'), { mode: 0o700 });
    writeFileSync(join(dataDirectory, 'postgres', 'PG_VERSION'), '17\n');
    await expect(embedded().start()).rejects.toThrow(
      /written by PostgreSQL 17, but this Souk brings PostgreSQL 18/,
    );
  });

  it('says in one sentence that the data directory cannot be written', async () => {
    writeFileSync(join(dataDirectory, 'file'), '');
    const postgres = new EmbeddedPostgres({ dataDirectory: join(dataDirectory, 'file', 'data'), logger });
    await expect(postgres.start()).rejects.toThrow(/cannot be written \(ENOTDIR\); set DATA_DIR/);
  });

  it('starts again after an initialisation that was cut off', async () => {
    mkdirSync(join(dataDirectory, 'postgres.new'));
    writeFileSync(join(dataDirectory, 'postgres.new', 'half'), '');
    const postgres = embedded();
    await postgres.start();
    expect(readFileSync(join(dataDirectory, 'postgres', 'PG_VERSION'), 'utf8')).toBe('18\n');
  });

  it.runIf(process.getuid?.() === 0)(
    'runs as another account where root has no user namespaces',
    async () => {
      chmodSync(dataDirectory, 0o700);
      const postgres = embedded({ launchMode: 'account' });
      await postgres.start();
      expect(await rows(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await postgres.stop();
      await postgres.start();
      await postgres.stop();
      rmSync(join(dataDirectory, 'souk.pid'), { force: true });
    },
  );
});
