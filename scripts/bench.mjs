// `npm run bench`: measures Souk against itself and against simpler things, on this machine. scripts/bench/README.md
// says what each arm does. Exit code 1 when an arm broke (wrong or missing answers); a bar that was missed is a result.
import { setupOrExit } from './setup.mjs';
import { arms } from './bench/arms/index.mjs';
import { readOptions } from './bench/options.mjs';
import { conclude, renderRaw, renderTable, toJson } from './bench/report.mjs';
import { createWorld } from './bench/world.mjs';

const asked = readOptions(
  process.argv.slice(2),
  arms.map(({ name }) => name),
);
if (!asked.ok) {
  process.stderr.write(`${asked.problem}\n`);
  process.exit(2);
}
const { options } = asked;

await setupOrExit({ quiet: true });

const startedAt = performance.now();
function progress(line) {
  process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
}

const world = createWorld({ seconds: options.seconds, progress });
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (isInterrupted) return;
    isInterrupted = true;
    progress('stopping');
    void world.stop().finally(() => process.exit(130));
  });
}

const chosen = arms.filter(({ name }) => options.only.includes(name));
const outcomes = Object.fromEntries(chosen.map(({ name }) => [name, { facts: {}, rounds: [] }]));
const states = new Map();

/** Whether the run goes on. */
async function attempt(arm, what, step) {
  const outcome = outcomes[arm.name];
  if (isInterrupted || outcome.broken !== undefined || outcome.unavailable !== undefined)
    return !isInterrupted;
  progress(`${arm.name}: ${what}`);
  try {
    await step(outcome);
    return true;
  } catch (error) {
    if (isInterrupted) return false;
    outcome.broken = error.message;
    progress(`${arm.name}: BROKEN: ${error.stack}`);
    return options.keepGoing;
  }
}

async function play() {
  for (const arm of chosen) {
    const goesOn = await attempt(arm, 'preparing', async (outcome) => {
      const { unavailable, facts, ...state } = await arm.prepare(world, options.rounds);
      states.set(arm, state);
      if (unavailable !== undefined) outcome.unavailable = unavailable;
      outcome.facts = facts ?? {};
    });
    if (!goesOn) return;
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const arm of chosen) {
      if (arm.isOnce && round > 0) continue;
      const goesOn = await attempt(arm, `round ${round + 1} of ${options.rounds}`, async (outcome) => {
        const measured = await arm.round(world, states.get(arm), round);
        outcome.rounds.push(measured);
        progress(`${arm.name}: ${JSON.stringify(measured.values)}`);
      });
      if (!goesOn) return;
    }
  }
}

await play();
if (!isInterrupted) {
  await world.stop();
  const lines = conclude(arms, outcomes);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(toJson(lines, outcomes, options))}\n`
      : `${renderTable(lines)}\n\n${renderRaw(outcomes)}\n`,
  );
  process.exitCode = Object.values(outcomes).some(({ broken }) => broken !== undefined) ? 1 : 0;
}
