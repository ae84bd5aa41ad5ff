// Quiet tenants beside one that sends a hundred times as much as each of them, more than the pool can do; and what sharing fairly
// costs all of them together, against first come, first served.
import { busy, smallPictures } from '../generated-models.mjs';
import { base64, predictions, rawInputs, SMALL_PICTURE_SHAPE } from '../requests.mjs';
import { percentile, ratio } from '../statistics.mjs';

const TIMES = 100;
/** Quiet tenants, in turn, each as quiet: of one alone, the p99 of a round would be the worst of some 50 answers. */
const QUIET_TENANTS = 4;
/** Of what the pool can do: half of the flood must be refused. */
const FLOOD = 2;

export const fair = {
  name: 'fair',
  keys: {
    'fair.quietP99': { atMost: 2 },
    'fair.throughput': { atLeast: 0.92 },
  },

  async prepare(world) {
    const inputs = smallPictures(3);
    const side = async (server) => {
      const model = await world.published(server, 'busy', [busy]);
      const runRaw = await world.raw(server, model, 1);
      const { values } = await runRaw(rawInputs(model, SMALL_PICTURE_SHAPE, inputs), 0);
      const cases = inputs.map((bytes, index) => ({
        shape: SMALL_PICTURE_SHAPE,
        data: base64(bytes),
        values: values[index],
      }));
      const flooder = await server.market.newConsumer('bench-flooder');
      const quiet = [server.key];
      while (quiet.length < QUIET_TENANTS) {
        quiet.push(await server.market.newConsumer(`bench-quiet-${quiet.length}`));
      }
      const requests = predictions(model.target, cases);
      // Each tenant sends each input in its turn.
      const quietRequests = requests.flatMap((request) =>
        quiet.map((credential) => ({ ...request, credential })),
      );
      return { server, flooder, requests, quietRequests, model };
    };
    const fairly = await side(await world.server());
    const fifo = await side(await world.server('fifo', { INFERENCE_SCHEDULING: 'fifo' }));
    // Both servers, so that neither of them begins with what the other has behind it: models to load, code to compile.
    const saturate = (side, how) =>
      world.measure(side.server, {
        connections: 64,
        credential: side.flooder,
        requests: side.requests,
        ...how,
      });
    let perSecond = 0;
    for (const side of [fifo, fairly]) {
      await saturate(side, { count: 128 });
      ({ perSecond } = await saturate(side, { seconds: Math.min(3, world.seconds) }));
    }
    const quietPerSecond = Math.max(1, (FLOOD * perSecond) / TIMES);
    world.progress(
      `fair: the pool does ${perSecond.toFixed(0)}/s; quiet ${QUIET_TENANTS} times ${quietPerSecond.toFixed(1)}/s, flood ${(quietPerSecond * TIMES).toFixed(0)}/s`,
    );
    const { format, runtime } = fairly.model;
    return {
      fairly,
      fifo,
      quietPerSecond,
      facts: { format, runtime, capacityPerSecond: perSecond, quietTenants: QUIET_TENANTS, quietPerSecond },
    };
  },

  async round(world, { fairly, fifo, quietPerSecond }, round) {
    const quietLoad = ({ quietRequests }) => ({
      connections: 64,
      credential: null,
      requests: quietRequests,
      ratePerSecond: quietPerSecond * QUIET_TENANTS,
      mayRefuse: ['OVERLOADED'],
    });
    const together = async (side) => {
      const flooding = world.measure(
        side.server,
        {
          // More than one tenant's queue holds, so that it is full.
          connections: 512,
          credential: side.flooder,
          requests: side.requests,
          ratePerSecond: quietPerSecond * TIMES,
          mayRefuse: ['OVERLOADED'],
        },
        { as: 'flood' },
      );
      const [quiet, flood] = await Promise.all([world.measure(side.server, quietLoad(side)), flooding]);
      const perSecond = ((quiet.ok + flood.ok) / Math.max(quiet.elapsedMs, flood.elapsedMs)) * 1_000;
      return { quiet, flood, perSecond };
    };
    const alone = await world.measure(fairly.server, quietLoad(fairly));
    const measured = new Map();
    for (const side of round % 2 === 0 ? [fairly, fifo] : [fifo, fairly]) {
      measured.set(side, await together(side));
    }
    const shared = measured.get(fairly);
    const first = measured.get(fifo);
    // Who was refused has waited for ever.
    const p99 = ({ latencyMs, refused }) =>
      Object.keys(refused).length > 0 ? Infinity : percentile(latencyMs, 0.99);
    return {
      values: {
        'fair.quietP99': ratio(p99(shared.quiet), p99(alone)),
        'fair.throughput': ratio(shared.perSecond, first.perSecond),
      },
      raw: {
        alone: alone.figures,
        quiet: shared.quiet.figures,
        flood: shared.flood.figures,
        quietUnderFifo: first.quiet.figures,
        floodUnderFifo: first.flood.figures,
        perSecond: shared.perSecond,
        perSecondUnderFifo: first.perSecond,
      },
    };
  },
};
