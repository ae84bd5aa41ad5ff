// What joining requests in one run gains, on a model that gains by it.
import { ratio } from '../statistics.mjs';
import { inTurns, warmUp } from '../turns.mjs';
import { cnn as cnnModel, CNN_SHAPE, predictions } from '../requests.mjs';
import { BrokenArm } from '../world.mjs';

export const cnn = {
  name: 'cnn',
  keys: { 'cnn.batchingGain': { atLeast: 3 } },

  async prepare(world) {
    const { candidates, asBase64 } = cnnModel();
    const side = async (server) => {
      const model = await world.published(server, 'cnn', candidates);
      const requests = predictions(model.target, asBase64(CNN_SHAPE));
      const load = { connections: 64, credential: server.key, requests };
      return { model, run: (how) => world.measure(server, { ...load, ...how }) };
    };
    const joined = await side(await world.server());
    const single = await side(await world.server('no-joining', { INFERENCE_MAX_BATCH_ROWS: '1' }));
    const sides = { joined: joined.run, single: single.run };
    await warmUp(world, sides);
    const { format, runtime } = joined.model;
    return { sides, facts: { format, runtime, runtimeWithoutJoining: single.model.runtime } };
  },

  async round(world, { sides }, round) {
    const { joined, single } = await inTurns(world, sides, round);
    for (const { meanBatchSize } of single.slices) {
      if (meanBatchSize > 1) {
        throw new BrokenArm(`With joining off, ${meanBatchSize.toFixed(1)} requests shared a run.`);
      }
    }
    return {
      values: { 'cnn.batchingGain': ratio(joined.perSecond, single.perSecond) },
      raw: { joined: joined.slices, single: single.slices },
    };
  },
};
