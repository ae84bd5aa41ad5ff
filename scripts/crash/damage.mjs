// The ways in which a round goes wrong. Each answers what was in flight then, what was measured, and what took too long.

/** `both-kill`: the server and its PostgreSQL in the same instant, as when the machine loses its power. */
export const FAULTS = ['api-kill', 'postgres-kill', 'both-kill', 'api-stop', 'api-kill', 'postgres-quit'];

const STOPPED_WITHIN_MS = 10_000;
const WAIT_FOR_RECOVERY_MS = 30_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Does the damage under `traffic`, and ends the traffic. What was killed stays dead until `world.revive()`. */
export function damage(fault, world, traffic, withinMs) {
  return fault === 'postgres-kill' || fault === 'postgres-quit'
    ? losePostgres(fault === 'postgres-kill' ? 'SIGKILL' : 'SIGQUIT', world, traffic, withinMs)
    : loseServer(fault, world, traffic);
}

async function losePostgres(signal, world, traffic, withinMs) {
  const slow = [];
  const faultAt = performance.now();
  const inFlightAtFault = traffic.inFlight();
  world.killPostgres(signal);
  const failedSince = () =>
    traffic.history.filter(({ outcome, answeredAt }) => outcome === 'failed' && answeredAt > faultAt);
  while (performance.now() - faultAt < WAIT_FOR_RECOVERY_MS) {
    await sleep(20);
    // Once something has failed, the next answer says that the database is back.
    const [first] = failedSince();
    if (first !== undefined && traffic.firstOkAfter(first.answeredAt) !== null) break;
  }
  const failed = failedSince();
  const okAt = traffic.firstOkAfter(failed[0]?.answeredAt ?? Infinity);
  const recoveryMs = okAt === null ? null : Math.round(okAt - faultAt);
  if (recoveryMs === null || recoveryMs > withinMs) slow.push(`recovery took ${recoveryMs} ms`);
  await sleep(200);
  await traffic.stop();
  const slowestMs = Math.round(Math.max(0, ...failed.map(({ sentAt, answeredAt }) => answeredAt - sentAt)));
  // What was under way when the connection went, and what came while it was away, may each wait once.
  const bound = traffic.history.filter((h) => h.sentAt <= faultAt && h.answeredAt > faultAt).length;
  return {
    slow,
    faultAt,
    inFlightAtFault: Math.max(inFlightAtFault, bound),
    measured: { recoveryMs, failed: failed.length, slowestFailureMs: slowestMs },
  };
}

async function loseServer(fault, world, traffic) {
  const slow = [];
  const faultAt = performance.now();
  const inFlightAtFault = traffic.inFlight();
  const signal = fault === 'api-stop' ? 'SIGTERM' : 'SIGKILL';
  // First, and in the same turn: it would end by itself, and in good order, when it sees that its server has died.
  if (fault === 'both-kill') world.killPostgres('SIGKILL');
  const { code, tookMs } = await world.killVictim(signal);
  // The others serve on.
  if (world.urls().length > 0) {
    const servedAgainFrom = performance.now();
    while (traffic.firstOkAfter(servedAgainFrom) === null) {
      if (performance.now() - servedAgainFrom > WAIT_FOR_RECOVERY_MS) {
        slow.push('the other server did not serve on');
        break;
      }
      await sleep(20);
    }
  }
  await traffic.stop();
  if (fault === 'api-stop' && code !== 0) slow.push(`the server ended with ${code} on SIGTERM`);
  if (tookMs > STOPPED_WITHIN_MS) slow.push(`stopping took ${Math.round(tookMs)} ms`);
  return { slow, faultAt, inFlightAtFault, measured: { stopMs: Math.round(tookMs) }, isDead: true };
}
