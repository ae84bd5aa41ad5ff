// A 100 MB model is asked for the first time while a neighbour is served: what does the neighbour feel?
import { heavy } from '../generated-models.mjs';
import { base64, dense, predictions } from '../requests.mjs';
import { latenciesDueIn } from '../schedule.mjs';
import { percentile, ratio, summarise } from '../statistics.mjs';
import { BrokenArm } from '../world.mjs';

const PER_SECOND = 200;

export const load = {
  name: 'load',
  keys: { 'load.neighbourP99': { atMost: 1.5 } },

  async prepare(world, rounds) {
    const server = await world.server('load', { INFERENCE_MEMORY_BYTES: String(4 * 2 ** 30) });
    const neighbour = dense();
    const model = await world.published(server, 'dense', neighbour.candidates);
    const cold = [];
    for (let round = 0; round < rounds; round++) {
      const { archive, input, values } = heavy(100 + 10 * round);
      const { target, runtime } = await world.published(server, `heavy-${round}`, [() => archive]);
      const one = { shape: [1, input.length / 4], data: base64(input), values };
      cold.push({ runtime, requests: predictions(target, [one], 'BASE64') });
      world.progress(`load: published the cold model of round ${round + 1}`);
    }
    // Publishing may have brought them into memory.
    await server.restart();
    const requests = predictions(model.target, neighbour.asJson);
    const near = { connections: 256, credential: server.key, requests };
    return { server, near, cold, facts: { runtime: model.runtime, coldRuntime: cold[0].runtime } };
  },

  async round(world, { server, near, cold }, round) {
    const windowMs = (world.seconds / 2) * 1_000;
    await world.measure(server, { ...near, connections: 8, count: 500 });
    const neighbour = world.measure(server, { ...near, ratePerSecond: PER_SECOND });
    neighbour.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, windowMs));
    const first = await world.measure(
      server,
      { connections: 1, credential: server.key, requests: cold[round].requests, count: 1 },
      { as: 'other' },
    );
    const result = await neighbour;
    if (first.receipts.largestLoadMs === 0) throw new BrokenArm('The cold model was in memory already.');
    const before = latenciesDueIn(result, 0, windowMs);
    const during = latenciesDueIn(result, windowMs, 2 * windowMs);
    return {
      values: { 'load.neighbourP99': ratio(percentile(during, 0.99), percentile(before, 0.99)) },
      raw: {
        neighbour: result.figures,
        before: summarise(before),
        during: summarise(during),
        coldPredictionMs: first.latencyMs[0],
        coldLoadMs: first.receipts.largestLoadMs,
      },
    };
  },
};
