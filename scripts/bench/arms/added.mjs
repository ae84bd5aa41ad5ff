// What a caller waits besides the model, at a rate that leaves the server time.
import { dense, predictions, rawInputs } from '../requests.mjs';
import { percentile } from '../statistics.mjs';

const PER_SECOND = 300;
const SHAPE = [1, 10];
/** Before anything counts, at full speed: what is asked is how a server answers that has run for a while. */
const MOST_WARM_UP_SECONDS = 5;

export const added = {
  name: 'added',
  keys: {
    'added.p50Ms': { atMost: 2 },
    'added.p99Ms': { atMost: 13 },
  },

  async prepare(world) {
    const server = await world.server();
    const { candidates, asJson, bytes } = dense();
    const model = await world.published(server, 'dense', candidates);
    const load = {
      connections: 256,
      credential: server.key,
      requests: predictions(model.target, asJson),
      ratePerSecond: PER_SECOND,
    };
    const runRaw = await world.raw(server, model, 1);
    await world.measure(server, {
      connections: 16,
      credential: server.key,
      requests: load.requests,
      seconds: Math.min(MOST_WARM_UP_SECONDS, world.seconds),
    });
    const { format, runtime } = model;
    return { server, load, raw: rawInputs(model, SHAPE, bytes), runRaw, facts: { format, runtime } };
  },

  async round(world, { server, load, raw, runRaw }) {
    const engine = await runRaw(raw, world.seconds / 5);
    const api = await world.measure(server, load);
    const engineMs = percentile(engine.latencyMs, 0.5);
    return {
      values: {
        'added.p50Ms': percentile(api.latencyMs, 0.5) - engineMs,
        'added.p99Ms': percentile(api.latencyMs, 0.99) - engineMs,
      },
      raw: { api: api.figures, raw: engine.figures },
    };
  },
};
