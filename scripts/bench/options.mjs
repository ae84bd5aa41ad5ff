// What `npm run bench -- …` was asked; pure.
import { parseArgs } from 'node:util';

const FLAGS = {
  json: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '10' },
  'keep-going': { type: 'boolean', default: false },
};

/**
 * @param {string[]} args what follows the script's name
 * @param {string[]} armNames all arms that there are
 * @returns {{ok: true, options: {json: boolean, only: string[], rounds: number, seconds: number, keepGoing: boolean}} | {ok: false, problem: string}}
 */
export function readOptions(args, armNames) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false }));
  } catch (error) {
    return { ok: false, problem: error.message };
  }
  const only = values.only === '' ? armNames : values.only.split(',').map((name) => name.trim());
  const unknown = only.filter((name) => !armNames.includes(name));
  if (unknown.length > 0) {
    return {
      ok: false,
      problem: `--only names ${unknown.join(', ')}; there are ${armNames.join(', ')}.`,
    };
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    return { ok: false, problem: `--rounds is ${values.rounds}; it must be a whole number from 1 to 100.` };
  }
  const seconds = Number(values.seconds);
  if (!(seconds >= 0.5 && seconds <= 600)) {
    return { ok: false, problem: `--seconds is ${values.seconds}; it must be from 0.5 to 600.` };
  }
  // In the order of the table, each once, whatever order they were named in.
  const chosen = armNames.filter((name) => only.includes(name));
  return {
    ok: true,
    options: { json: values.json, only: chosen, rounds, seconds, keepGoing: values['keep-going'] },
  };
}
