// The real server as a process of its own, on a data directory that outlives it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
// What is slow is for a campaign to judge; this is for what hangs, also on a machine that does much else.
const READY_WITHIN_MS = 180_000;

/**
 * Starts Souk and waits until it says that it is ready.
 * @param {string} dataDirectory
 * @param {Record<string, string>} environment on top of what every such server gets
 * @param {string} script another one that starts a server as main.js does
 * @returns {Promise<{url: string, pid: number, startMs: number, kill: (signal: NodeJS.Signals) => Promise<{code: number | null, tookMs: number}>, faults: () => string[], log: () => string}>}
 */
export async function startServer(dataDirectory, environment = {}, script = main) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [script], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: dataDirectory,
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const faults = [];
  const log = [];
  let lastWords = '';
  const note = (line) => {
    log.push(line);
    lastWords = `${lastWords}\n${line}`.slice(-4_000);
    // 50 and 60: what the server itself calls an error.
    // That its database was killed, it may say.
    if (/"level":(50|60)|unhandled/i.test(line) && !/PostgreSQL ended unexpectedly/.test(line)) {
      faults.push(line.slice(0, 500));
    }
  };
  createInterface({ input: child.stderr }).on('line', note);

  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The server was not ready in time.\n${lastWords}`));
    }, READY_WITHIN_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      note(line);
      const ready = /^Souk is ready at (\S+)/.exec(line)?.[1];
      if (ready === undefined) return;
      clearTimeout(late);
      resolve(ready);
    });
    void closed.then(() => {
      clearTimeout(late);
      reject(new Error(`The server ended before it was ready.\n${lastWords}`));
    });
  });

  return {
    url,
    pid: child.pid,
    startMs: performance.now() - startedAt,
    async kill(signal) {
      const askedAt = performance.now();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
        await closed;
        clearTimeout(force);
      }
      return { code: child.exitCode, tookMs: performance.now() - askedAt };
    },
    faults: () => [...faults],
    log: () => log.join('\n'),
  };
}

/** Process id of the PostgreSQL whose cluster lies in the data directory. */
export function postmasterOf(dataDirectory) {
  return Number(readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
}
