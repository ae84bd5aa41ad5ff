/**
 * The composition root: every object of the server, once, by hand, in the order in which each needs the
 * ones before. Who has read this file has seen the system. Stopping walks the same list backwards.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.js';
import { prepareDataDirectory, readOrMakeSecret } from './data-directory.js';
import {
  Database,
  DatabaseClock,
  DatabaseStartError,
  EmbeddedPostgres,
  isDatabaseUnavailable,
  migrate,
} from './database/index.js';
import {
  createDomainServices,
  type DomainOptions,
  type DomainServices,
  type Machines,
} from './domain-services.js';
import { createMeteringService } from './domain/metering/index.js';
import type { PredictObservation } from './domain/predictions/index.js';
import { bootstrapOperator, type Bootstrap } from './first-start.js';
import { createContextFactory } from './graphql/create-context.js';
import { createEarlyRefusal } from './graphql/early-refusal.js';
import { createResolvers } from './graphql/resolvers/index.js';
import { startGraphQLServer } from './graphql/server.js';
import { authenticateRequests } from './http/authenticate-request.js';
import { registerDownloadRoute } from './http/download-route.js';
import { registerExportRoute } from './http/export-route.js';
import { createGraphiqlPage } from './http/graphiql-route.js';
import { graphqlRoute } from './http/graphql-route.js';
import { healthRoute } from './http/health-route.js';
import { createMetrics, type Metrics } from './http/metrics.js';
import { HttpServer } from './http/server.js';
import { registerUploadRoute } from './http/upload-route.js';
import { createDatasetReader, createImporter, jailOnce } from './importers/index.js';
import { InferenceEngine } from './inference/index.js';
import { systemClock } from './lib/clock.js';
import { newId } from './lib/ids.js';
import type { Logger } from './lib/logger.js';
import { createStopList, type StopList } from './lib/stop-list.js';
import { startMetering } from './metering-tasks.js';
import { createServerStatus, readinessCheck } from './server-status.js';
import { StartError } from './start-error.js';
import { openDiskStore, openPartialFiles } from './storage/index.js';

export interface Started {
  readonly url: string;
  /** The first owner's credentials; `null` unless this was the first start. */
  readonly bootstrap: Bootstrap | null;
}

export interface App {
  /** @throws StartError with a sentence for the operator; what had started is stopped by then */
  start(): Promise<Started>;
  /** Reverse order, each part with a deadline; 10 s in all. */
  stop(): Promise<void>;
}

// A month of a large ledger is read in one statement.
const MAINTENANCE_TIMEOUT_MS = 900_000;
const MAX_QUEUED_PREDICTIONS = 1_024;
// Together below 10 s. Most parts need a few milliseconds; a deadline is for the day when one does not.
const STOP_MS = {
  http: 4_000,
  imports: 1_000,
  inference: 1_000,
  writes: 500,
  database: 1_000,
  postgres: 2_000,
};

/** Rooms that somebody builds otherwise: the benchmark, which measures what one of them costs. */
export type AppParts = Pick<DomainOptions, 'createMetering'>;

const PARTS: AppParts = { createMetering: createMeteringService };

export function createApp(config: Config, log: Logger, parts = PARTS): App {
  const stops = createStopList(log);
  let isStopping = false;
  let starting: Promise<unknown> = Promise.resolve();

  async function startAll(): Promise<Started> {
    try {
      await prepareDataDirectory(config.dataDirectory);
      const jwtSecret = config.jwtSecret ?? (await readOrMakeSecret(config.dataDirectory));
      const machines = await startMachines(config, log, stops);
      const workDirectory = join(config.dataDirectory, 'imports');
      const metrics = createMetrics();
      const observe = observePrediction.bind(null, metrics);
      const presence = machines.database.presence(newId('request'));
      const options = { jwtSecret, workDirectory, observe, presence, ...parts };
      const services = createDomainServices(config, machines, options);
      stops.add('presence', STOP_MS.writes, () => presence.stop());
      await presence.start();
      await startServices(config, services, machines, stops);
      const server = await openDoors(config, machines, services, metrics, () => isStopping);
      stops.add('http', STOP_MS.http + 500, () => server.stop(STOP_MS.http));
      const url = await listen(server, config);
      return { url, bootstrap: await bootstrapOperator(services.identity, config.dataDirectory, url) };
    } catch (error) {
      await stops.stopAll();
      throw toStartError(error, config);
    }
  }

  return Object.freeze({
    start() {
      const started = startAll();
      starting = started.catch(() => undefined);
      return started;
    },
    async stop() {
      isStopping = true;
      // A part that is just starting cannot be stopped yet, and would be left behind.
      await starting;
      await stops.stopAll();
    },
  });
}

/** The engines need no database and the database needs no engines: both start at once. */
async function startMachines(config: Config, log: Logger, stops: StopList): Promise<Machines> {
  const [{ database, maintenance }, inference] = await settleBoth(
    startDatabase(config, log, stops),
    startInference(config, log, stops),
  );
  const available = new Set(
    inference
      .stats()
      .workers.flatMap(({ runtimes }) =>
        runtimes.flatMap(({ runtime, available }) => (available ? [runtime] : [])),
      ),
  );
  const runtimes = config.inference.runtimes.filter((runtime) => available.has(runtime));
  if (runtimes.length === 0) {
    throw new StartError(
      `None of the engines ${config.inference.runtimes.join(', ')} can run on this machine.`,
    );
  }
  // Everything that is written down or decided by time: by one clock, whichever server it is. Files have the machine's.
  const clock = new DatabaseClock({ read: () => database.readClock(), local: systemClock, log });
  await clock.start();
  stops.add('clock', STOP_MS.writes, () => clock.stop());
  const artifacts = await openDiskStore({
    directory: join(config.dataDirectory, 'artifacts'),
    clock: systemClock,
  });
  const partials = await openPartialFiles(join(config.dataDirectory, 'artifacts', 'partial'));
  const jail = jailOnce();
  const importer = createImporter({ jail });
  stops.add('importer', STOP_MS.imports, () => importer.stop());
  // Takes a moment that the start need not wait for; the first import does.
  importer.walls().then(
    (walls) => {
      const missing = Object.entries(walls).flatMap(([wall, stands]) => (stands ? [] : [wall]));
      if (missing.length > 0) log.warn({ missing }, 'this machine cannot put up every wall around imports');
    },
    (error: unknown) => log.error({ err: error }, 'the walls around imports could not be examined'),
  );
  const datasetReader = createDatasetReader({ jail });
  stops.add('dataset reader', STOP_MS.writes, () => datasetReader.stop());
  return {
    database,
    maintenance,
    artifacts,
    partials,
    importer,
    datasetReader,
    inference,
    runtimes,
    clock,
    log,
  };
}

/** Like `Promise.all`, but waits for both, so that what did start is on the list when the other failed. */
async function settleBoth<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

type Databases = Pick<Machines, 'database' | 'maintenance'>;

async function startDatabase(config: Config, log: Logger, stops: StopList): Promise<Databases> {
  let url = config.databaseUrl;
  if (url === null) {
    const postgres = new EmbeddedPostgres({ dataDirectory: config.dataDirectory, logger: log });
    await postgres.start();
    stops.add('postgres', STOP_MS.postgres, () => postgres.stop());
    url = postgres.connectionString;
  }
  const folder = fileURLToPath(new URL('../prisma/migrations', import.meta.url));
  await migrate({ url, folder, logger: log });
  const database = new Database({ url, logger: log });
  stops.add('database', STOP_MS.database, () => database.stop());
  await database.start();
  const maintenance = new Database({
    url,
    logger: log,
    maxConnections: 2,
    statementTimeoutMs: MAINTENANCE_TIMEOUT_MS,
    transactionTimeoutMs: MAINTENANCE_TIMEOUT_MS,
    lockTimeoutMs: MAINTENANCE_TIMEOUT_MS,
  });
  stops.add('maintenance', STOP_MS.writes, () => maintenance.stop());
  return { database, maintenance };
}

async function startInference(config: Config, log: Logger, stops: StopList): Promise<InferenceEngine> {
  const { workers, isolation, threadsPerWorker, runtimes, memoryBytes, maxBatchRows, scheduling } =
    config.inference;
  const inference = new InferenceEngine({
    logger: log,
    clock: systemClock,
    workers,
    isolation,
    threadsPerWorker,
    runtimes,
    memoryBudgetBytes: memoryBytes,
    queue: { maxQueued: MAX_QUEUED_PREDICTIONS },
    maxBatchRows,
    scheduling,
  });
  await inference.start();
  stops.add('inference', STOP_MS.inference + 500, () => inference.stop({ graceMs: STOP_MS.inference }));
  return inference;
}

async function startServices(
  config: Config,
  services: DomainServices,
  machines: Machines,
  stops: StopList,
): Promise<void> {
  const { log, database } = machines;
  const { identity, versions, evaluations } = services;
  stops.add('identity', STOP_MS.writes, () => identity.drain());
  await startMetering(services, {
    log,
    database,
    stops,
    stopMs: STOP_MS.writes,
    closeStatementsAfterDays: config.closeStatementsAfterDays,
  });
  await versions.start();
  stops.add('versions', STOP_MS.imports, () => versions.stop());
  await evaluations.start();
  stops.add('evaluations', STOP_MS.imports, () => evaluations.stop());
}

async function openDoors(
  config: Config,
  machines: Machines,
  domain: DomainServices,
  metrics: Metrics,
  isStopping: () => boolean,
): Promise<HttpServer> {
  const { log, inference, importer, database } = machines;
  const server = createServerStatus(config, inference, importer, MAX_QUEUED_PREDICTIONS);
  const services = { ...domain, server };
  metrics.observePool(() => ({ ...inference.stats(), queueLimit: MAX_QUEUED_PREDICTIONS }));
  const apollo = await startGraphQLServer({
    resolvers: createResolvers(),
    introspection: config.introspection,
    log,
  });
  const graphiql = createGraphiqlPage();
  const authenticate = authenticateRequests(domain.identity);
  return HttpServer.create({
    host: config.host,
    port: config.port,
    bodyLimitBytes: config.maxBodyBytes,
    trustProxy: config.trustProxy,
    log,
    metrics,
    routes: [
      healthRoute({
        version: server.version,
        checkReadiness: readinessCheck({ database, inference, isStopping }),
        metrics,
        metricsToken: config.metricsToken,
      }),
      graphiql.route,
      graphqlRoute({
        apollo,
        graphiql,
        createContext: createContextFactory(services),
        refuseEarly: createEarlyRefusal(services),
      }),
      (app) =>
        registerUploadRoute(app, {
          authenticate,
          versions: domain.versions,
          maxUploadBytes: config.maxUploadBytes,
        }),
      (app) => registerDownloadRoute(app, { authenticate, versions: domain.versions }),
      (app) => registerExportRoute(app, { authenticate, ledger: domain.ledger }),
    ],
  });
}

function observePrediction(metrics: Metrics, observation: PredictObservation): void {
  const { actor, outcome, durationMs, prediction } = observation;
  const hasRun = prediction !== null && !prediction.receipt.replayed;
  metrics.observePrediction({
    outcome,
    tenantId: actor.tenantId,
    totalMs: durationMs,
    run: hasRun ? prediction.receipt : null,
  });
}

async function listen(server: HttpServer, { host, port }: Config): Promise<string> {
  try {
    return await server.start();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} on ${host} is in use by another program; choose another one with PORT.`,
      );
    }
    if (code === 'EACCES')
      throw new StartError(`This account may not listen on port ${port}; choose another one with PORT.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new StartError(`HOST is ${host}, which is no address of this machine.`);
    }
    throw error;
  }
}

function toStartError(error: unknown, { databaseUrl }: Config): unknown {
  if (error instanceof StartError) return error;
  if (error instanceof DatabaseStartError) return new StartError(error.message, { cause: error });
  if (databaseUrl !== null && isDatabaseUnavailable(error)) {
    const reason =
      error instanceof Error && error.message !== '' ? error.message : (error as { code?: string }).code;
    return new StartError(`The database that DATABASE_URL names cannot be reached: ${reason}.`, {
      cause: error,
    });
  }
  return error;
}
