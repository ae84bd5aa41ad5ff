// Another tenant, who predicts all the while: what strangers upload must not be felt there.
import { predict } from '../crash/api.mjs';

const PAUSE_MS = 20;

/** Starts one caller. `stop()` answers how it went. */
export function startProbe({ url, secret, versionId }) {
  const latenciesMs = [];
  const errors = [];
  let isOver = false;
  const ended = (async () => {
    while (!isOver) {
      const startedAt = performance.now();
      const { outcome, code } = await predict(url, secret, versionId);
      latenciesMs.push(performance.now() - startedAt);
      if (outcome !== 'ok') errors.push(`${outcome} ${code}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await ended;
      const sorted = [...latenciesMs].sort((a, b) => a - b);
      const at = (share) => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
      return { predictions: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), errors };
    },
  };
}
