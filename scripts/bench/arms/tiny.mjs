// The smallest model: what the way through the server costs, against a query that does nothing on the same server,
// and against a naive server with the same model.
import { ratio } from '../statistics.mjs';
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
      ceiling: () => world.measure(server, { ...at, credential: server.key, requests: CEILING }),
      dense: () =>
        world.measure(server, {
          ...at,
          credential: server.key,
          requests: predictions(model.target, asJson),
        }),
      naive: () =>
        world.measure(
          { url: naive.hello.url, pid: naive.pid },
          { ...at, credential: null, requests: naivePredictions(asJson) },
        ),
    };
    return { sides, facts: { format: model.format, runtime: model.runtime } };
  },

  async round(world, { sides }, round) {
    const measured = {};
    const names = Object.keys(sides);
    // Each side is first, second and last in turn, so that none always meets the warmer machine.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      measured[name] = await sides[name]();
    }
    const rate = (name) => measured[name].perSecond;
    return {
      values: {
        'tiny.vsCeiling': ratio(rate('dense'), rate('ceiling')),
        'tiny.vsNaive': ratio(rate('dense'), rate('naive')),
      },
      raw: Object.fromEntries(names.map((name) => [name, measured[name].figures])),
    };
  },
};
