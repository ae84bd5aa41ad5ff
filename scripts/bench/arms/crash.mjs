// A worker process is killed under load: nobody else may notice, and its place must be filled again.
import { cnn, CNN_SHAPE, dense, predictions } from '../requests.mjs';
import { workerPids } from '../processes.mjs';

const POLL_MS = 10;
const GIVE_UP_MS = 30_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export const crash = {
  name: 'crash',
  keys: {
    'crash.slotBackMs': { atMost: 2_000, over: 'worst' },
    'crash.errors': { atMost: 0, over: 'worst' },
  },

  async prepare(world) {
    let server;
    try {
      server = await world.server('process', { INFERENCE_ISOLATION: 'process' });
    } catch (error) {
      // From outside only a process can be killed, not a thread.
      const why = /INFERENCE_ISOLATION[^\n]*/.exec(error.message)?.[0];
      if (why === undefined) throw error;
      return { unavailable: `This version has no worker processes: ${why}` };
    }
    const models = { dense: dense(), cnn: cnn() };
    const loads = [];
    for (const [name, { candidates }] of Object.entries(models)) {
      const { target } = await world.published(server, name, candidates);
      const cases = name === 'dense' ? models.dense.asJson : models.cnn.asBase64(CNN_SHAPE);
      loads.push({
        connections: 8,
        credential: server.key,
        requests: predictions(target, cases),
        mayFail: true,
      });
    }
    if (workerPids(server.pid).length === 0) throw new Error('No worker process was found below the server.');
    const workers = (await server.market.pool()).workers.length;
    return { server, loads, workers, facts: { workers } };
  },

  async round(world, { server, loads, workers }, round) {
    const traffic = Promise.all(loads.map((one, at) => world.measure(server, one, { as: `caller ${at}` })));
    traffic.catch(() => undefined);
    await sleep(world.seconds * 300);
    const before = workerPids(server.pid);
    const killedAt = performance.now();
    process.kill(before[round % before.length], 'SIGKILL');
    let slotBackMs = Infinity;
    while (performance.now() - killedAt < GIVE_UP_MS) {
      await sleep(POLL_MS);
      const pool = await server.market.pool();
      const ready = pool.workers.filter(({ state }) => state === 'ready' || state === 'busy').length;
      // Until the server has noticed, its pool looks whole: somebody new must be there.
      const isNew = workerPids(server.pid).some((pid) => !before.includes(pid));
      if (!isNew || ready < workers) continue;
      slotBackMs = performance.now() - killedAt;
      break;
    }
    const results = await traffic;
    const errors = results.reduce((sum, { refused, failed }) => sum + total(refused) + total(failed), 0);
    return {
      values: { 'crash.slotBackMs': slotBackMs, 'crash.errors': errors },
      raw: { dense: results[0].figures, cnn: results[1].figures },
    };
  },
};
