// `npm run campaign:crash`: kills a real server under load, again and again, and checks that every answered
// prediction is in the ledger exactly once and nothing else is. One JSON line per round, then a summary; exit code 1
// when a rule is broken.
import { parseArgs } from 'node:util';
import { newKey, newTenant, signIn } from './crash/api.mjs';
import { checkRound } from './crash/checks.mjs';
import { damage, FAULTS } from './crash/damage.mjs';
import { startTraffic } from './crash/traffic.mjs';
import { openWorld } from './crash/world.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    // 1: with the PostgreSQL that it brings. More: on one PostgreSQL that outlives them, and only one dies at a time.
    servers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '16' },
    // For start and recovery. A machine that does something else as well needs more.
    'within-ms': { type: 'string', default: '5000' },
    // How a round goes wrong, in this order, over and over.
    faults: { type: 'string', default: FAULTS.join(',') },
    // One worker with one engine: starts in half the time. Which engine computes makes no difference to the books.
    light: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const loadMs = Number(values.seconds) * 1_000;
const callers = Number(values.callers);
const servers = Number(values.servers);
const withinMs = Number(values['within-ms']);
const faults = values.faults.split(',');
if (
  !(rounds > 0 && loadMs > 0 && callers > 0 && withinMs > 0 && servers > 0) ||
  faults.some((fault) => !FAULTS.includes(fault))
) {
  console.error(
    `--rounds, --seconds, --callers, --servers and --within-ms must be above 0, --faults a list of ${FAULTS.join(', ')}.`,
  );
  process.exit(2);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// An access token is good for five minutes, and a round may take two.
const SIGN_IN_EVERY_MS = 120_000;
let world = null;

/** Bounded in time: what hangs is a defect too, and leaves nothing behind. */
const deadline = setTimeout(
  () => {
    console.log(JSON.stringify({ summary: true, broken: ['the campaign did not end in time'] }));
    void end(1);
  },
  60_000 + rounds * (loadMs + 150_000),
);
process.on('unhandledRejection', (error) => {
  console.error(error);
  void end(1);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(130));

async function end(code) {
  clearTimeout(deadline);
  await world?.end();
  process.exit(code);
}

async function playRound(round, { token, versionId }) {
  const fault = faults[(round - 1) % faults.length];
  // In every third round the quota is so small that it ends in the round or soon after.
  const quotaLimit = round % 3 === 0 ? 100 + Math.floor(Math.random() * 150) : 1_000_000;
  const key = await newKey(world.urls()[0], token, quotaLimit);
  const traffic = startTraffic({ urls: world.allUrls(), secret: key.secret, versionId, callers, round });
  const strikeAt = performance.now() + loadMs * (0.3 + 0.7 * Math.random());
  // Not when a fast machine has used the quota up: nothing would tell that the server is back, and nothing be in flight.
  while (performance.now() < strikeAt && traffic.answered() < quotaLimit / 3) await sleep(10);
  // On a busy machine the first answers take longer than that; a fault that meets nothing proves nothing.
  while (!traffic.isWarm() && traffic.inFlight() > 0) await sleep(10);
  const { slow, measured, isDead, ...seen } = await damage(fault, world, traffic, withinMs);
  // Where nobody is left to ask, the dead one is brought back first; else the others answer for it.
  const revive = async () => {
    if (isDead !== true || world.urls().length === servers) return;
    const { readyMs, faults: logged } = await world.revive();
    measured.readyMs = readyMs;
    if (readyMs > withinMs) slow.push(`ready after ${readyMs} ms`);
    if (logged.length > 0) slow.push(`the server logged errors: ${logged[0]}`);
  };
  if (world.urls().length === 0) await revive();
  const { history } = traffic;
  const outcomes = countBy(history);
  const { broken, facts } = await checkRound({
    ...seen,
    urls: world.urls(),
    databaseUrl: world.databaseUrl(),
    token,
    key,
    versionId,
    history,
    quotaLimit,
  });
  await revive();
  return {
    round,
    fault,
    quotaLimit,
    inFlightAtFault: seen.inFlightAtFault,
    ...measured,
    ...facts,
    outcomes,
    broken: [...slow, ...broken],
  };
}

function countBy(history) {
  const counts = {};
  for (const { outcome, code } of history) {
    const name = code === undefined ? outcome : `${outcome} ${code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

try {
  const environment = values.light ? { INFERENCE_WORKERS: '1', INFERENCE_RUNTIMES: 'tfjs-wasm' } : {};
  world = await openWorld({ servers, environment });
  const tenant = await newTenant(world.urls()[0]);
  const results = [];
  let signedInAt = performance.now();
  for (let round = 1; round <= rounds; round++) {
    if (performance.now() - signedInAt > SIGN_IN_EVERY_MS) {
      tenant.token = await signIn(world.urls()[0], tenant);
      signedInAt = performance.now();
    }
    const result = await playRound(round, tenant);
    results.push(result);
    console.log(JSON.stringify(result));
  }
  const largest = (name) => Math.max(0, ...results.map((result) => result[name] ?? 0));
  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  const broken = results.flatMap((result) => result.broken.map((line) => `round ${result.round}: ${line}`));
  const summary = {
    summary: true,
    rounds,
    servers,
    retriedKeys: sum('retriedKeys'),
    answered: sum('answered'),
    ledger: sum('ledger'),
    chargedUnanswered: sum('chargedUnanswered'),
    largestReadyMs: largest('readyMs'),
    largestRecoveryMs: largest('recoveryMs'),
    largestReservedBackMs: largest('reservedBackMs'),
    slowestRetryMs: largest('slowestRetryMs'),
    broken,
  };
  console.log(JSON.stringify(summary));
  await end(broken.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error);
  await end(1);
}
