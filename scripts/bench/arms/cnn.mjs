// What joining requests in one run gains, on a model that gains by it.
import { ratio } from '../statistics.mjs';
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
      return { model, run: () => world.measure(server, load) };
    };
    const joined = await side(await world.server());
    const single = await side(await world.server('no-joining', { INFERENCE_MAX_BATCH_ROWS: '1' }));
    const { format, runtime } = joined.model;
    return { joined, single, facts: { format, runtime, runtimeWithoutJoining: single.model.runtime } };
  },

  async round(world, { joined, single }, round) {
    const order = round % 2 === 0 ? [joined, single] : [single, joined];
    const measured = new Map();
    for (const side of order) measured.set(side, await side.run());
    const { meanBatchSize } = measured.get(single).figures;
    if (meanBatchSize > 1) {
      throw new BrokenArm(`With joining off, ${meanBatchSize.toFixed(1)} requests shared a run.`);
    }
    return {
      values: { 'cnn.batchingGain': ratio(measured.get(joined).perSecond, measured.get(single).perSecond) },
      raw: { joined: measured.get(joined).figures, single: measured.get(single).figures },
    };
  },
};
