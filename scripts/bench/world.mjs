// What an arm may use: servers, load generators, raw engines; and how a load is measured. Everything that is started
// here is stopped here.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../crash/server.mjs';
import { startChild } from './children.mjs';
import { openMarket } from './market.mjs';
import { cpuOf } from './processes.mjs';
import { summarise } from './statistics.mjs';

// Keys and tenants have limits, and they are counted; only the limits that would end a measurement are far away.
const ENVIRONMENT = {
  PREDICTIONS_PER_MINUTE: '1000000000',
  MAX_CONCURRENT_PREDICTIONS: '1000000',
  PREDICT_TIMEOUT_MS: '60000',
  IMPORT_TIMEOUT_MS: '300000',
};

/** An arm whose answers were wrong or missing. */
export class BrokenArm extends Error {}

/**
 * @param seconds of one measured load
 * @param progress tells what happens, one line a step
 */
export function createWorld({ seconds, progress }) {
  const directory = mkdtempSync(join(tmpdir(), 'souk-bench-'));
  const stops = [];
  const shared = new Map();
  let isOver = false;

  /** Made by the first who asks for it. */
  function once(key, make) {
    if (isOver) throw new Error('The benchmark was stopped.');
    if (!shared.has(key)) shared.set(key, make());
    return shared.get(key);
  }

  const generator = (name) =>
    once(`generator ${name}`, async () => {
      const child = await startChild('./generator.mjs');
      stops.push(child.stop);
      return child;
    });

  async function start(name, environment, script) {
    const dataDirectory = join(directory, name);
    let running = null;
    stops.push(() => running?.kill('SIGTERM'));
    const launch = async () => {
      running = await startServer(dataDirectory, { ...ENVIRONMENT, ...environment }, script);
      // A start that ends after the benchmark was stopped must not stay.
      if (isOver) await running.kill('SIGTERM');
    };
    await launch();
    const server = {
      dataDirectory,
      get url() {
        return running.url;
      },
      get pid() {
        return running.pid;
      },
      async restart() {
        await running.kill('SIGTERM');
        await launch();
      },
    };
    server.market = await openMarket(server);
    server.key = await server.market.newConsumer('bench-consumer');
    return server;
  }

  const world = {
    seconds,
    progress,

    /**
     * A Souk of its own with these variables. Answers `{url, pid, dataDirectory, market, key, restart}`.
     * @param script starts it, where it is not the product as it is
     */
    server: (name = 'main', environment = {}, script = undefined) =>
      once(`server ${name}`, () => start(name, environment, script)),

    /** A model on a server, published once: `make()` gives the candidates. */
    published: (server, name, candidates) =>
      once(`model ${server.dataDirectory} ${name}`, () => server.market.publish(name, candidates)),

    /** Any script of this folder as a child. */
    child: (file, options) =>
      once(`child ${file}`, async () => {
        const child = await startChild(file, options);
        stops.push(child.stop);
        return child;
      }),

    /** The engine of a published version in a bare loop on so many threads, with the pool's native settings. */
    raw: (server, model, threads) =>
      once(`raw ${model.pack} ${threads}`, async () => {
        if (model.pack === null) throw new Error(`No pack of ${model.target.model} was found in the store.`);
        const child = await startChild('./raw-engine.mjs', {
          environment: await nativeSettings(await server.market.pool()),
          args: [model.pack, model.runtime, String(threads), directory],
        });
        stops.push(child.stop);
        return async (inputs, forSeconds) => {
          const answer = await child.ask({ inputs, seconds: forSeconds });
          return { ...answer, figures: rawFigures(answer) };
        };
      }),

    /**
     * Puts a load on a server and measures it.
     * @param load {{connections: number, requests: object[], credential: string | null, ratePerSecond?: number,
     *   count?: number, seconds?: number, mayRefuse?: string[], mayFail?: boolean}} without a rate a closed loop, without a count for `seconds`
     * @returns rate, latencies and `figures` to report
     * @throws BrokenArm when an answer is wrong, or (unless `mayFail`) missing or a refusal that is not in `mayRefuse`
     */
    async measure(server, load, { as = 'main' } = {}) {
      const { mayRefuse = [], mayFail = false, ...rest } = load;
      const { ask } = await generator(as);
      const lengthSeconds = load.seconds ?? seconds;
      const before = cpuOf(server.pid);
      const { result } = await ask({
        ...rest,
        url: `${server.url}/graphql`,
        seconds: lengthSeconds,
        warmUpSeconds: Math.min(1, lengthSeconds / 10),
      });
      const after = cpuOf(server.pid);
      const cpuSeconds = {
        server: after.server - before.server,
        database: after.database - before.database,
        generator: result.cpuSeconds,
      };
      const refused = Object.keys(result.refused).filter((code) => !mayRefuse.includes(code));
      const wrong = [
        ...Object.keys(result.wrong),
        ...(mayFail ? [] : [...Object.keys(result.failed), ...refused]),
      ];
      const perSecond = (result.ok / result.elapsedMs) * 1_000;
      const figures = { perSecond, ...loadFigures(result), cpuSeconds };
      if (wrong.length > 0)
        throw new BrokenArm(`Answers were wrong or missing: ${wrong.slice(0, 3).join('; ')}.`);
      if (result.ok === 0)
        throw new BrokenArm(
          'No request was answered in the time that was measured; --seconds gives it more.',
        );
      return { ...result, perSecond, figures };
    },

    async stop() {
      isOver = true;
      await Promise.allSettled(stops.map((stop) => stop()));
      // What was still being started ends as soon as it is there.
      await Promise.allSettled(shared.values());
      await Promise.allSettled(stops.map((stop) => stop()));
      // As root, the database's files may belong to another account.
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return Object.freeze(world);
}

function loadFigures({ sent, ok, refused, failed, wrong, latencyMs, receipts, lateMs }) {
  return {
    sent,
    ok,
    refused,
    errors: { ...failed, ...wrong },
    latencyMs: summarise(latencyMs),
    ...(lateMs === undefined ? {} : { lateMs: summarise(lateMs) }),
    ...(receipts === null
      ? {}
      : {
          meanBatchSize: receipts.meanBatchSize,
          largestLoadMs: receipts.largestLoadMs,
          queueMs: summarise(receipts.queueMs),
          computeMs: summarise(receipts.computeMs),
        }),
  };
}

const rawFigures = ({ count, perSecond, latencyMs, cpuSeconds }) => ({
  count,
  perSecond,
  latencyMs: summarise(latencyMs),
  cpuSeconds,
});

/** What the server sets for its workers, so that a run has as many native threads on both sides. */
async function nativeSettings({ workers, threadsPerWorker }) {
  // Not at the top: it is built when the benchmark begins.
  const { defaultThreadsPerWorker, nativeEnvironment } =
    await import('../../dist/inference/native-environment.js');
  const threads = threadsPerWorker ?? defaultThreadsPerWorker(workers.length, availableParallelism());
  // A stuck thread for each worker is the pool's default.
  return nativeEnvironment(threads, 2 * workers.length);
}
