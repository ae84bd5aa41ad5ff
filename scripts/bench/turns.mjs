// Sides of a ratio, measured in short turns: a machine that is slow for some seconds is slow for all of them.
import { join } from './statistics.mjs';

const TURNS = 4;
const MOST_WARM_UP_SECONDS = 8;

/**
 * Loads each side, one after the other, before anything counts. V8 optimises code that runs often, and for the first seconds
 * a server is slower than it will ever be again: the more code a side has, the longer.
 * @param sides {Record<string, (how: {seconds: number}) => Promise<object>>} as `world.measure` answers
 */
export async function warmUp(world, sides) {
  for (const load of Object.values(sides)) {
    await load({ seconds: Math.min(MOST_WARM_UP_SECONDS, world.seconds) });
  }
}

/**
 * Measures each side for `world.seconds` in all.
 * @param round from 0: who is first in a turn changes
 * @returns by name, `perSecond` of all turns together, and the figures of each
 */
export async function inTurns(world, sides, round) {
  const names = Object.keys(sides);
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  for (let turn = 0; turn < TURNS; turn++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + turn + round) % names.length];
      measured[name].push(await sides[name]({ seconds: world.seconds / TURNS }));
    }
  }
  return Object.fromEntries(names.map((name) => [name, join(measured[name])]));
}
