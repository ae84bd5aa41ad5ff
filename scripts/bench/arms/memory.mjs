// Whether memory grows with the number of predictions.
import { dense, predictions } from '../requests.mjs';
import { rssOf } from '../processes.mjs';
import { median, ratio } from '../statistics.mjs';

const PREDICTIONS = 100_000;
const FULL_SECONDS = 10;
const SAMPLES = 10;

export const memory = {
  name: 'memory',
  keys: { 'memory.growth': { atMost: 1.05 } },
  // A server has its first ten thousand predictions only once.
  isOnce: true,

  async prepare(world) {
    const server = await world.server('memory');
    const { candidates, asJson } = dense();
    const model = await world.published(server, 'dense', candidates);
    const load = { connections: 32, credential: server.key, requests: predictions(model.target, asJson) };
    // A short run of the benchmark makes fewer, in the same proportion.
    const all = Math.round(PREDICTIONS * Math.min(1, world.seconds / FULL_SECONDS));
    return { server, load, all, facts: { predictions: all } };
  },

  async round(world, { server, load, all }) {
    const rss = async () => {
      const samples = [];
      for (let i = 0; i < SAMPLES; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        samples.push(rssOf(server.pid));
      }
      return median(samples);
    };
    const first = await world.measure(server, { ...load, count: Math.round(all / 10) });
    const early = await rss();
    const rest = await world.measure(server, { ...load, count: all - Math.round(all / 10) });
    const late = await rss();
    return {
      values: { 'memory.growth': ratio(late, early) },
      raw: { rssBytesEarly: early, rssBytesLate: late, first: first.figures, rest: rest.figures },
    };
  },
};
