// `npm run top`: the inference pool of a running server, every second, over its public API. `q` or Ctrl-C ends it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createReader } from './top/read.mjs';
import { renderReading } from './top/render.mjs';

const EVERY_MS = 1_000;
const WIDTH_WITHOUT_TERMINAL = 200;
const USAGE = `npm run top -- [--once] [--json] [--url URL]

Shows the workers, queues, models in memory and counters of the inference pool, every second until q or Ctrl-C.

  --once       one reading, then end
  --json       readings as JSON, one a line
  --url URL    the server; otherwise the one that DATA_DIR/bootstrap.json names

The key comes from SOUK_API_KEY, or from DATA_DIR/bootstrap.json (DATA_DIR: .data); it needs PLATFORM_OPERATE.
Latencies are shown where /metrics may be read: on the same machine, or with METRICS_TOKEN.
`;

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

class UsageError extends Error {}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const read = createReader(await findServer(options.url));
  if (options.once) {
    write(await read(), options);
    return;
  }
  await watch(read, options);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        url: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    return { ...values, isFancy: !values.json && !values.once && process.stdout.isTTY === true };
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${USAGE}`);
  }
}

/** Where the server is, and the key for it. */
async function findServer(givenUrl) {
  const file = join(process.env.DATA_DIR ?? '.data', 'bootstrap.json');
  const bootstrap = await readBootstrap(file);
  const apiKey = process.env.SOUK_API_KEY ?? bootstrap?.apiKey;
  const url = givenUrl ?? bootstrap?.url;
  if (apiKey === undefined) {
    throw new UsageError(
      `There is no key: set SOUK_API_KEY, or DATA_DIR to a server’s data (${file} was not found).`,
    );
  }
  if (url === undefined || !/^https?:\/\//.test(url)) {
    throw new UsageError('Which server? Give its address: --url http://127.0.0.1:4000');
  }
  return { url: url.replace(/\/+$/, ''), apiKey, metricsToken: process.env.METRICS_TOKEN ?? null };
}

async function readBootstrap(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw new UsageError(`${file} cannot be read: ${error.message}`);
  }
}

/** Until q, Ctrl-C, SIGTERM, or nobody reads any more. A server that is away is waited for. */
async function watch(read, options) {
  let isOver = false;
  let wake = () => undefined;
  const end = () => {
    isOver = true;
    wake();
  };
  const signals = ['SIGINT', 'SIGTERM'];
  for (const signal of signals) process.on(signal, end);
  process.stdout.on('error', end);
  const hasKeys = options.isFancy && process.stdin.isTTY === true;
  const onKeys = (keys) => {
    // In raw mode Ctrl-C is a key.
    if (/[qQ\u0003]/.test(String(keys))) end();
  };
  if (options.isFancy) process.stdout.write(ENTER);
  if (hasKeys) {
    process.stdin.setRawMode(true);
    process.stdin.on('data', onKeys);
  }
  try {
    while (!isOver) {
      const outcome = await read().catch((error) => error);
      if (isOver) break;
      if (outcome instanceof Error) writeProblem(outcome, options);
      else write(outcome, options);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    if (hasKeys) {
      process.stdin.off('data', onKeys);
      process.stdin.setRawMode(false);
      process.stdin.pause();
    }
    if (options.isFancy) process.stdout.write(LEAVE);
    for (const signal of signals) process.off(signal, end);
  }
}

function write(reading, { json, isFancy }) {
  if (json) {
    process.stdout.write(`${JSON.stringify(reading)}\n`);
    return;
  }
  const lines = renderReading(reading, process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL);
  if (isFancy) writeScreen([...lines, '', 'q ends']);
  else process.stdout.write(`${lines.join('\n')}\n\n`);
}

function writeProblem(error, { json, isFancy }) {
  const sentence = `The server cannot be read: ${reasonOf(error)}`;
  if (isFancy) writeScreen([sentence, '', 'q ends']);
  else process.stderr.write(`${json ? JSON.stringify({ problem: sentence }) : sentence}\n`);
}

/** Overwrites what is there, so that nothing flickers. */
function writeScreen(lines) {
  const fitting = lines.slice(0, process.stdout.rows ?? lines.length);
  process.stdout.write(
    `${HOME}${fitting.map((line) => `${line}${REST_OF_LINE}`).join('\n')}${REST_OF_SCREEN}`,
  );
}

/** fetch says only `fetch failed`; what failed is its cause. */
function reasonOf(error) {
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof UsageError ? error.message : `The server cannot be read: ${reasonOf(error)}`}\n`,
  );
  process.exitCode = 1;
}
