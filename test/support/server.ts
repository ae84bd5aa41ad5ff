/** The real server as a process of its own, on a free port, with a data directory that goes when it stops. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { listFiles } from './list-files.js';

const READY_WITHIN_MS = 110_000;
const STOPPED_WITHIN_MS = 15_000;

export interface TestServer {
  readonly url: string;
  readonly pid: number;
  readonly dataDirectory: string;
  /** Everything under the artifact store, temporary files included. */
  artifactFiles(): Promise<string[]>;
  /** Sends the signal, and answers the exit code (null when the signal ended it). Keeps the data directory. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it and removes its data directory. */
  stop(): Promise<void>;
}

/**
 * @param environment variables besides PORT, HOST, DATA_DIR and LOG_LEVEL
 * @param options `dataDirectory`: one that exists already, for a second start on the same data
 */
export async function startServer(
  environment: Readonly<Record<string, string>> = {},
  options: { readonly dataDirectory?: string } = {},
): Promise<TestServer> {
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'souk-test-')));
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../dist/main.js', import.meta.url))], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: '0',
      HOST: '127.0.0.1',
      // Relative, as the default is: a part that changes its working directory must not lose it.
      DATA_DIR: relative(process.cwd(), dataDirectory),
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let lastWords = '';
  child.stderr.on('data', (chunk) => (lastWords = (lastWords + String(chunk)).slice(-4000)));

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
      await closed;
      clearTimeout(force);
    }
    return child.exitCode;
  }

  async function stop(): Promise<void> {
    await end('SIGTERM');
    await rm(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  }

  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}\n${lastWords}`));
    const late = setTimeout(() => fail('The server was not ready in time.'), READY_WITHIN_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = /^Souk is ready at (\S+)/.exec(line)?.[1];
      if (ready === undefined) return;
      clearTimeout(late);
      resolve(ready);
    });
    void closed.then(() => {
      clearTimeout(late);
      fail('The server ended before it was ready.');
    });
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });

  return Object.freeze({
    url,
    pid: child.pid ?? 0,
    dataDirectory,
    async artifactFiles() {
      const files = await listFiles(dataDirectory);
      return files
        .filter((file) => !file.parentPath.startsWith(join(dataDirectory, 'postgres')))
        .map((file) => join(file.parentPath, file.name));
    },
    end,
    stop,
  });
}
