// A model so large that its own speed is the limit: what is lost between the engine and the caller.
import { pictures, resnet50 } from '../generated-models.mjs';
import { base64, PICTURE_SHAPE, predictions, rawInputs } from '../requests.mjs';
import { ratio } from '../statistics.mjs';

export const large = {
  name: 'large',
  keys: { 'large.vsRaw': { atLeast: 0.95 } },

  async prepare(world) {
    const server = await world.server();
    const model = await world.published(server, 'resnet50', [resnet50]);
    const workers = (await server.market.pool()).workers.length;
    const runRaw = await world.raw(server, model, workers);
    const inputs = pictures(2);
    const raw = rawInputs(model, PICTURE_SHAPE, inputs);
    const { values } = await runRaw(raw, 0);
    const cases = inputs.map((bytes, index) => ({
      shape: PICTURE_SHAPE,
      data: base64(bytes),
      values: values[index],
    }));
    const load = {
      // One that runs and one that waits for each worker, so that none is ever idle.
      connections: 2 * workers,
      credential: server.key,
      requests: predictions(model.target, cases, 'BASE64'),
    };
    const { format, runtime } = model;
    return { server, load, raw, runRaw, facts: { format, runtime, workers } };
  },

  async round(world, { server, load, raw, runRaw }, round) {
    const measured = {};
    const sides = {
      api: () => world.measure(server, load),
      raw: () => runRaw(raw, world.seconds),
    };
    for (const name of round % 2 === 0 ? ['api', 'raw'] : ['raw', 'api'])
      measured[name] = await sides[name]();
    return {
      values: { 'large.vsRaw': ratio(measured.api.perSecond, measured.raw.perSecond) },
      raw: { api: measured.api.figures, raw: measured.raw.figures },
    };
  },
};
