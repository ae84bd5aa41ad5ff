/** The server's facts about itself: for `serverInfo`, `/readyz` and the metrics. */
import { createRequire } from 'node:module';
import type { Config } from './config.js';
import type { Database } from './database/index.js';
import type { RuntimeStatus, ServerStatus } from './graphql/server-status.js';
import type { Readiness } from './http/health-route.js';
import type { Importer } from './importers/index.js';
import type { InferenceEngine, RuntimeName, RuntimeReadiness } from './inference/index.js';
import { systemClock, type Clock } from './lib/clock.js';
import { poolStatusOf, quarantineStatusOf } from './pool-status.js';

const PACKAGE_OF: Readonly<Record<RuntimeName, string>> = {
  'tfjs-graph': '@tensorflow/tfjs-node',
  'tfjs-node': '@tensorflow/tfjs-node',
  'tfjs-wasm': '@tensorflow/tfjs-backend-wasm',
  onnx: 'onnxruntime-node',
};
const LIVE_STATES: ReadonlySet<string> = new Set(['ready', 'busy']);
const PING_WITHIN_MS = 1_000;

const require = createRequire(import.meta.url);

function versionOf(packageFile: string): string {
  return (require(packageFile) as { readonly version: string }).version;
}

export function createServerStatus(
  config: Config,
  inference: InferenceEngine,
  importer: Pick<Importer, 'walls'>,
  queueLimit: number,
  clock: Clock = systemClock,
): ServerStatus {
  const version = versionOf('../package.json');
  const engineVersions = new Map(
    config.inference.runtimes.map((name) => [name, versionOf(`${PACKAGE_OF[name]}/package.json`)]),
  );
  const describe = ({ runtime, available, reason }: RuntimeReadiness): RuntimeStatus => {
    const detail = available ? engineVersions.get(runtime) : reason;
    return { runtime, available, detail: detail ?? 'No worker has reported about it yet.' };
  };
  return Object.freeze({
    version,
    maxUploadBytes: config.maxUploadBytes,
    runtimes: () => {
      const known = inference.stats().workers.flatMap(({ runtimes }) => runtimes);
      return config.inference.runtimes.map((runtime) => {
        const seen = known.filter((readiness) => readiness.runtime === runtime);
        const available = seen.some((readiness) => readiness.available);
        const reason = seen.find((readiness) => readiness.reason !== null)?.reason ?? null;
        return describe({ runtime, available, reason });
      });
    },
    isolation: () => {
      const { isolation, walls, threadsPerWorker } = inference.stats();
      return { kind: isolation, walls, threadsPerWorker };
    },
    importWalls: () => importer.walls(),
    pool: () => poolStatusOf(inference.stats(), { queueLimit, now: clock.now(), describe }),
    quarantineOf: (packDigest: string) => {
      const found = inference.findQuarantine(packDigest);
      return found === null ? null : quarantineStatusOf(found, clock.now());
    },
  });
}

/** Whether requests can be served now. Asked often, so it must answer soon whatever has happened. */
export function readinessCheck(deps: {
  readonly database: Pick<Database, 'ping'>;
  readonly inference: Pick<InferenceEngine, 'stats'>;
  readonly isStopping: () => boolean;
}): () => Promise<Readiness> {
  return async () => {
    const problems: string[] = [];
    if (deps.isStopping()) problems.push('The server is shutting down.');
    if (!(await answersInTime(deps.database.ping()))) problems.push('The database does not answer.');
    if (!deps.inference.stats().workers.some(({ state }) => LIVE_STATES.has(state))) {
      problems.push('No inference worker is running.');
    }
    return { isReady: problems.length === 0, problems };
  };
}

async function answersInTime(answer: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PING_WITHIN_MS);
  });
  const answered = answer.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
