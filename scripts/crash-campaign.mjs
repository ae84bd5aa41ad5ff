// `npm run campaign:crash`: kills a real server under load, again and again, and checks that every answered
// prediction is in the ledger exactly once and nothing else is. One JSON line per round, then a summary; exit code 1
// when a rule is broken.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newKey, newTenant } from './crash/api.mjs';
import { checkRound } from './crash/checks.mjs';
import { startServer } from './crash/server.mjs';
import { startTraffic } from './crash/traffic.mjs';

const STOPPED_WITHIN_MS = 10_000;
const WAIT_FOR_RECOVERY_MS = 30_000;
/** How a round goes wrong, in this order, over and over. */
const FAULTS = ['api-kill', 'postgres-kill', 'api-stop', 'api-kill', 'postgres-quit'];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '16' },
    // For start and recovery. A machine that does something else as well needs more.
    'within-ms': { type: 'string', default: '5000' },
    faults: { type: 'string', default: FAULTS.join(',') },
  },
});
const rounds = Number(values.rounds);
const loadMs = Number(values.seconds) * 1_000;
const callers = Number(values.callers);
const withinMs = Number(values['within-ms']);
const faults = values.faults.split(',');
if (
  !(rounds > 0 && loadMs > 0 && callers > 0 && withinMs > 0) ||
  faults.some((fault) => !FAULTS.includes(fault))
) {
  console.error(
    `--rounds, --seconds, --callers and --within-ms must be above 0, --faults a list of ${FAULTS.join(', ')}.`,
  );
  process.exit(2);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-crash-'));
let server = null;

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
  await server?.kill('SIGTERM').catch(() => undefined);
  // As root, the database's files may belong to another account.
  rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

/** Does the damage and brings the server back. Answers what was measured, and what took too long. */
async function damage(fault, traffic) {
  const slow = [];
  if (fault === 'postgres-kill' || fault === 'postgres-quit') {
    const signal = fault === 'postgres-kill' ? 'SIGKILL' : 'SIGQUIT';
    const faultAt = performance.now();
    const inFlightAtFault = traffic.inFlight();
    process.kill(server.postmaster(), signal);
    while (performance.now() - faultAt < WAIT_FOR_RECOVERY_MS) {
      await sleep(20);
      // Once something has failed, the next answer says that the database is back.
      const failedAt = traffic.history.find(
        ({ outcome, answeredAt }) => outcome === 'failed' && answeredAt > faultAt,
      );
      if (failedAt !== undefined && traffic.firstOkAfter(failedAt.answeredAt) !== null) break;
    }
    const failed = traffic.history.filter(
      ({ outcome, answeredAt }) => outcome === 'failed' && answeredAt > faultAt,
    );
    const okAt = traffic.firstOkAfter(failed[0]?.answeredAt ?? Infinity);
    const recoveryMs = okAt === null ? null : Math.round(okAt - faultAt);
    if (recoveryMs === null || recoveryMs > withinMs) slow.push(`recovery took ${recoveryMs} ms`);
    await sleep(300);
    await traffic.stop();
    const slowestMs = Math.round(Math.max(0, ...failed.map(({ sentAt, answeredAt }) => answeredAt - sentAt)));
    // What was under way when the connection went, and what came while it was away, may each wait once.
    const bound = traffic.history.filter((h) => h.sentAt <= faultAt && h.answeredAt > faultAt).length;
    return {
      slow,
      inFlightAtFault: Math.max(inFlightAtFault, bound),
      measured: { recoveryMs, failed: failed.length, slowestFailureMs: slowestMs },
    };
  }
  const inFlightAtFault = traffic.inFlight();
  const signal = fault === 'api-kill' ? 'SIGKILL' : 'SIGTERM';
  const { code, tookMs } = await server.kill(signal);
  await traffic.stop();
  if (signal === 'SIGTERM' && code !== 0) slow.push(`the server ended with ${code} on SIGTERM`);
  if (tookMs > STOPPED_WITHIN_MS) slow.push(`stopping took ${Math.round(tookMs)} ms`);
  const faultsSeen = server.faults();
  server = await startServer(dataDirectory);
  const readyMs = Math.round(server.startMs);
  if (readyMs > withinMs) slow.push(`ready after ${readyMs} ms`);
  if (faultsSeen.length > 0) slow.push(`the server logged errors: ${faultsSeen[0]}`);
  return { slow, inFlightAtFault, measured: { readyMs, stopMs: Math.round(tookMs) } };
}

async function playRound(round, { token, versionId }) {
  const fault = faults[(round - 1) % faults.length];
  // Now and then the quota ends before the round does.
  const quotaLimit = Math.random() < 0.25 ? 50 + Math.floor(Math.random() * 150) : 1_000_000;
  const key = await newKey(server.url, token, quotaLimit);
  const traffic = startTraffic({ url: server.url, secret: key.secret, versionId, callers, round });
  await sleep(loadMs * (0.3 + 0.7 * Math.random()));
  const { slow, inFlightAtFault, measured } = await damage(fault, traffic);
  const { history } = traffic;
  const url = server.url;
  const { broken, facts } = await checkRound({
    url,
    token,
    key,
    versionId,
    history,
    inFlightAtFault,
    quotaLimit,
  });
  const outcomes = countBy(history);
  return {
    round,
    fault,
    quotaLimit,
    inFlightAtFault,
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
  server = await startServer(dataDirectory);
  const tenant = await newTenant(server.url);
  const results = [];
  for (let round = 1; round <= rounds; round++) {
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
    answered: sum('answered'),
    ledger: sum('ledger'),
    chargedUnanswered: sum('chargedUnanswered'),
    largestReadyMs: largest('readyMs'),
    largestRecoveryMs: largest('recoveryMs'),
    largestReservedZeroMs: largest('reservedZeroMs'),
    slowestRetryMs: largest('slowestRetryMs'),
    broken,
  };
  console.log(JSON.stringify(summary));
  await end(broken.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error);
  await end(1);
}
