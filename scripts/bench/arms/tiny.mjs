// The smallest model: what the way through the server costs, against a query that does nothing on the same server,
// and against a naive server with the same model.
import { ratio } from '../statistics.mjs';
import { inTurns, warmUp } from '../turns.mjs';
import { CEILING, dense, naivePredictions, predictions } from '../requests.mjs';

const CONNECTIONS = 32;

export const tiny = {
  name: 'tiny',
  keys: {
    'tiny.vsCeiling': { atLeast: 0.55 },
    'tiny.vsNaive': { atLeast: 8 },
  },

  async prepare(world) {
    const server = await world.server();
    const { candidates, asJson } = dense();
    const model = await world.published(server, 'dense', candidates);
    const naive = await world.child('./naive-server.mjs', { environment: { NODE_ENV: 'production' } });
    const at = { connections: CONNECTIONS };
    const sides = {
      ceiling: (how) => world.measure(server, { ...at, ...how, credential: server.key, requests: CEILING }),
      dense: (how) =>
        world.measure(server, {
          ...at,
          ...how,
          credential: server.key,
          requests: predictions(model.target, asJson),
        }),
      naive: (how) =>
        world.measure(
          { url: naive.hello.url, pid: naive.pid },
          { ...at, ...how, credential: null, requests: naivePredictions(asJson) },
        ),
    };
    await warmUp(world, sides);
    return { sides, facts: { format: model.format, runtime: model.runtime } };
  },

  async round(world, { sides }, round) {
    const { ceiling, dense: ours, naive } = await inTurns(world, sides, round);
    return {
      values: {
        'tiny.vsCeiling': ratio(ours.perSecond, ceiling.perSecond),
        'tiny.vsNaive': ratio(ours.perSecond, naive.perSecond),
      },
      raw: { ceiling: ceiling.slices, dense: ours.slices, naive: naive.slices },
    };
  },
};
