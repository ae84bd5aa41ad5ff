// Callers who predict without pause, and remember every answer.
import { predict } from './api.mjs';

/**
 * Starts callers, each request to another of the servers. Every third carries an idempotency key; those are sent
 * twice, half of them at once.
 * @returns {{history: object[], inFlight: () => number, answered: () => number, isWarm: () => boolean, firstOkAfter: (since: number) => number | null, stop: () => Promise<void>}}
 */
export function startTraffic({ urls, secret, versionId, callers, round }) {
  const history = [];
  let isOver = false;
  let inFlight = 0;
  let count = 0;
  let sent = 0;

  async function call(key) {
    inFlight += 1;
    const sentAt = performance.now();
    const answer = await predict(urls[sent++ % urls.length], secret, versionId, key);
    inFlight -= 1;
    history.push({ key, sentAt, answeredAt: performance.now(), ...answer });
    // A server that is away refuses in no time: without a pause the callers would take the machine from it.
    if (answer.outcome === 'lost' || answer.outcome === 'failed') {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function caller() {
    while (!isOver) {
      count += 1;
      if (count % 3 !== 0) await call(undefined);
      else {
        const key = `r${round}-${count}`;
        const isTwin = count % 2 === 0;
        const first = call(key);
        if (!isTwin) await first;
        if (!isOver) await Promise.all([first, call(key)]);
        else await first;
      }
    }
  }

  const done = Promise.all(Array.from({ length: callers }, caller));
  const answered = () => history.filter(({ outcome }) => outcome === 'ok').length;
  return {
    history,
    inFlight: () => inFlight,
    answered,
    isWarm: () => answered() >= callers,
    firstOkAfter: (since) =>
      history.find(({ outcome, sentAt }) => outcome === 'ok' && sentAt > since)?.answeredAt ?? null,
    async stop() {
      isOver = true;
      await done;
    },
  };
}
