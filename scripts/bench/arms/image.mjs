// The way of 600 KB of picture through the API, one at a time, without the time of the model.
import { picture, pictures } from '../generated-models.mjs';
import { base64, PICTURE_SHAPE, predictions, rawInputs } from '../requests.mjs';
import { percentile } from '../statistics.mjs';

export const image = {
  name: 'image',
  keys: { 'image.overheadMs': { atMost: 5 } },

  async prepare(world) {
    const server = await world.server();
    const model = await world.published(server, 'picture', [picture]);
    const runRaw = await world.raw(server, model, 1);
    const inputs = pictures(3);
    const raw = rawInputs(model, PICTURE_SHAPE, inputs);
    const { values } = await runRaw(raw, 0);
    const cases = inputs.map((bytes, index) => ({
      shape: PICTURE_SHAPE,
      data: base64(bytes),
      values: values[index],
    }));
    const load = { connections: 1, credential: server.key, requests: predictions(model.target, cases) };
    return { server, load, raw, runRaw, facts: { format: model.format, runtime: model.runtime } };
  },

  async round(world, { server, load, raw, runRaw }) {
    const engine = await runRaw(raw, world.seconds / 4);
    const api = await world.measure(server, load);
    const engineMs = percentile(engine.latencyMs, 0.5);
    const apiMs = percentile(api.latencyMs, 0.5);
    return {
      values: { 'image.overheadMs': apiMs - engineMs },
      raw: {
        api: api.figures,
        raw: engine.figures,
        // The same with the time that the receipts give for the run.
        overheadByReceiptsMs: apiMs - percentile(api.receipts.computeMs, 0.5),
      },
    };
  },
};
