// What `npm run top` asks the server: `serverInfo` through the public API, and /metrics where it may be read.
import { bucketsSince, quantileMs, readBuckets } from './quantiles.mjs';

const WITHIN_MS = 5_000;

const DOCUMENT = `{
  serverInfo {
    version isolation threadsPerWorker
    walls { ownMemory networkCutOff environmentHidden memoryLimitBytes }
    pool {
      queued queueLimit inFlight memoryBudgetBytesPerWorker stuckWorkers
      workers {
        name state running residentModels residentBytes runs busyMs replaced
        runtimes { runtime available }
        residents { packSha256 versions runtime bytes idleMs }
      }
      queues { tenant { slug } queued bytes oldestMs }
      counters {
        admitted answered batches joined loads evictions retries crashes overruns refused { code count }
      }
      quarantined { packSha256 versions quarantine { reason crashes until } }
    }
  }
}`;

/** Reads the server again and again; each reading tells of the time since the one before. */
export function createReader({ url, apiKey, metricsToken }) {
  let last = null;

  return async function read() {
    const [info, buckets] = await Promise.all([readInfo(url, apiKey), readMetrics(url, metricsToken)]);
    const atMs = performance.now();
    const now = { atMs, pool: info.pool, buckets };
    const reading = {
      at: new Date().toISOString(),
      url,
      version: info.version,
      isolation: info.isolation,
      walls: info.walls,
      threadsPerWorker: info.threadsPerWorker,
      pool: info.pool,
      rates: last === null ? null : ratesBetween(last, now),
      latency: latencyOf(last?.buckets ?? [], buckets),
    };
    last = now;
    return reading;
  };
}

async function readInfo(url, apiKey) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query: DOCUMENT }),
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  const { data, errors } = await response.json();
  if (errors !== undefined) throw new Error(errors[0]?.message ?? 'The server refused without a reason.');
  if (data.serverInfo.pool === null) {
    throw new Error(
      'The key may not see the pool: it needs the scope PLATFORM_OPERATE, which only keys of the operator’s tenant have.',
    );
  }
  return data.serverInfo;
}

/** null where the metrics are not open to us: the view does without them. */
async function readMetrics(url, token) {
  const response = await fetch(`${url}/metrics`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  const text = await response.text();
  return response.ok ? readBuckets(text) : null;
}

/** Per second. A counter that went back belongs to a server that has restarted: nothing is known yet. */
function ratesBetween(before, after) {
  const seconds = (after.atMs - before.atMs) / 1000;
  const rateOf = (name) => {
    const more = after.pool.counters[name] - before.pool.counters[name];
    return more < 0 || seconds <= 0 ? null : more / seconds;
  };
  const busyBefore = new Map(before.pool.workers.map(({ name, busyMs }) => [name, busyMs]));
  return {
    answered: rateOf('answered'),
    batches: rateOf('batches'),
    loads: rateOf('loads'),
    evictions: rateOf('evictions'),
    /** Share of the time that each worker was busy, by its name. */
    busy: Object.fromEntries(
      after.pool.workers.map(({ name, busyMs }) => {
        const more = busyMs - (busyBefore.get(name) ?? 0);
        return [name, Math.min(1, Math.max(0, more / (seconds * 1000)))];
      }),
    ),
  };
}

/** Of the time since the last reading; of all time at the first. */
function latencyOf(before, after) {
  if (after === null) return null;
  const buckets = bucketsSince(before ?? [], after);
  return { p50Ms: quantileMs(buckets, 0.5), p99Ms: quantileMs(buckets, 0.99) };
}
