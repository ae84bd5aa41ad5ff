// What it costs that every prediction is reserved, and charged durably before it is answered.
import { fileURLToPath } from 'node:url';
import { ask } from '../../crash/api.mjs';
import { ratio } from '../statistics.mjs';
import { inTurns, warmUp } from '../turns.mjs';
import { dense, predictions } from '../requests.mjs';
import { BrokenArm } from '../world.mjs';

const CONNECTIONS = 32;
const UNMETERED = fileURLToPath(new URL('../unmetered-server.mjs', import.meta.url));

export const metering = {
  name: 'metering',
  keys: { 'metering.cost': { atLeast: 0.85 } },

  async prepare(world) {
    const { candidates, asJson } = dense();
    const servers = {
      metered: await world.server(),
      unmetered: await world.server('unmetered', {}, UNMETERED),
    };
    const sides = {};
    for (const [name, server] of Object.entries(servers)) {
      const { target } = await world.published(server, 'dense', candidates);
      const load = {
        connections: CONNECTIONS,
        credential: server.key,
        requests: predictions(target, asJson),
      };
      sides[name] = (how) => world.measure(server, { ...load, ...how });
    }
    await warmUp(world, sides);
    // The one side charges, and the other does not.
    const [metered, unmetered] = await Promise.all(Object.values(servers).map(countCharged));
    if (metered === 0 || unmetered !== 0) throw new BrokenArm(`Charged: ${metered} and ${unmetered}.`);
    return { sides, facts: { connections: CONNECTIONS } };
  },

  async round(world, { sides }, round) {
    const { metered, unmetered } = await inTurns(world, sides, round);
    return {
      values: { 'metering.cost': ratio(metered.perSecond, unmetered.perSecond) },
      raw: { metered: metered.slices, unmetered: unmetered.slices },
    };
  },
};

async function countCharged({ url, key }) {
  const { data } = await ask(url, key, '{ usage { total { predictions } } }');
  return data.usage.total.predictions;
}
