import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepareDataDirectory, readOrMakeSecret } from "./data-directory.js";
import {
  Database,
  DatabaseStartError,
  EmbeddedPostgres,
  isDatabaseUnavailable,
  migrate
} from "./database/index.js";
import { createDomainServices } from "./domain-services.js";
import { ReservationSweeper } from "./domain/metering/index.js";
import { bootstrapOperator } from "./first-start.js";
import { createContextFactory } from "./graphql/create-context.js";
import { createResolvers } from "./graphql/resolvers/index.js";
import { startGraphQLServer } from "./graphql/server.js";
import { authenticateRequests } from "./http/authenticate-request.js";
import { registerDownloadRoute } from "./http/download-route.js";
import { createGraphiqlPage } from "./http/graphiql-route.js";
import { graphqlRoute } from "./http/graphql-route.js";
import { healthRoute } from "./http/health-route.js";
import { createMetrics } from "./http/metrics.js";
import { HttpServer } from "./http/server.js";
import { registerUploadRoute } from "./http/upload-route.js";
import { createImporter } from "./importers/index.js";
import { InferenceEngine } from "./inference/index.js";
import { systemClock } from "./lib/clock.js";
import { createStopList } from "./lib/stop-list.js";
import { createServerStatus, readinessCheck } from "./server-status.js";
import { StartError } from "./start-error.js";
import { openDiskStore } from "./storage/index.js";
const clock = systemClock;
const SWEEP_EVERY_MS = 1e4;
const MAX_QUEUED_PREDICTIONS = 1024;
const STOP_MS = {
  http: 4e3,
  imports: 1e3,
  inference: 1e3,
  writes: 500,
  database: 1e3,
  postgres: 2e3
};
function createApp(config, log) {
  const stops = createStopList(log);
  let isStopping = false;
  let starting = Promise.resolve();
  async function startAll() {
    try {
      await prepareDataDirectory(config.dataDirectory);
      const jwtSecret = config.jwtSecret ?? await readOrMakeSecret(config.dataDirectory);
      const machines = await startMachines(config, log, stops);
      const workDirectory = join(config.dataDirectory, "imports");
      const metrics = createMetrics();
      const observe = observePrediction.bind(null, metrics);
      const services = createDomainServices(config, machines, { jwtSecret, workDirectory, observe });
      await startServices(services, log, stops);
      const server = await openDoors(config, machines, services, metrics, () => isStopping);
      stops.add("http", STOP_MS.http + 500, () => server.stop(STOP_MS.http));
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
      starting = started.catch(() => void 0);
      return started;
    },
    async stop() {
      isStopping = true;
      await starting;
      await stops.stopAll();
    }
  });
}
async function startMachines(config, log, stops) {
  const [database, inference] = await settleBoth(
    startDatabase(config, log, stops),
    startInference(config, log, stops)
  );
  const available = new Set(
    inference.stats().workers.flatMap(
      ({ runtimes: runtimes2 }) => runtimes2.flatMap(({ runtime, available: available2 }) => available2 ? [runtime] : [])
    )
  );
  const runtimes = config.inference.runtimes.filter((runtime) => available.has(runtime));
  if (runtimes.length === 0) {
    throw new StartError(
      `None of the engines ${config.inference.runtimes.join(", ")} can run on this machine.`
    );
  }
  const artifacts = await openDiskStore({ directory: join(config.dataDirectory, "artifacts"), clock });
  const importer = createImporter();
  stops.add("importer", STOP_MS.imports, () => importer.stop());
  return { database, artifacts, importer, inference, runtimes, clock, log };
}
async function settleBoth(one, other) {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}
async function startDatabase(config, log, stops) {
  let url = config.databaseUrl;
  if (url === null) {
    const postgres = new EmbeddedPostgres({ dataDirectory: config.dataDirectory, logger: log });
    await postgres.start();
    stops.add("postgres", STOP_MS.postgres, () => postgres.stop());
    url = postgres.connectionString;
  }
  const folder = fileURLToPath(new URL("../prisma/migrations", import.meta.url));
  await migrate({ url, folder, logger: log });
  const database = new Database({ url, logger: log });
  stops.add("database", STOP_MS.database, () => database.stop());
  await database.start();
  return database;
}
async function startInference(config, log, stops) {
  const { workers, runtimes, memoryBytes } = config.inference;
  const inference = new InferenceEngine({
    logger: log,
    clock,
    workers,
    runtimes,
    memoryBudgetBytes: memoryBytes,
    queue: { maxQueued: MAX_QUEUED_PREDICTIONS }
  });
  await inference.start();
  stops.add("inference", STOP_MS.inference + 500, () => inference.stop({ graceMs: STOP_MS.inference }));
  return inference;
}
async function startServices(services, log, stops) {
  const { identity, metering, versions } = services;
  stops.add("identity", STOP_MS.writes, () => identity.drain());
  const sweeper = new ReservationSweeper({
    sweep: () => metering.sweepReservationsAcrossTenants(),
    everyMs: SWEEP_EVERY_MS,
    log
  });
  await sweeper.start();
  stops.add("reservation sweeper", STOP_MS.writes, () => sweeper.stop());
  await versions.start();
  stops.add("versions", STOP_MS.imports, () => versions.stop());
}
async function openDoors(config, machines, domain, metrics, isStopping) {
  const { log, inference, database } = machines;
  const server = createServerStatus(config, inference, MAX_QUEUED_PREDICTIONS);
  const services = { ...domain, server };
  metrics.observePool(() => server.pool());
  const apollo = await startGraphQLServer({
    resolvers: createResolvers(),
    introspection: config.introspection,
    log
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
        metricsToken: config.metricsToken
      }),
      graphiql.route,
      graphqlRoute({ apollo, graphiql, createContext: createContextFactory(services) }),
      (app) => registerUploadRoute(app, { authenticate, versions: domain.versions }),
      (app) => registerDownloadRoute(app, { authenticate, versions: domain.versions })
    ]
  });
}
function observePrediction(metrics, { outcome, durationMs, prediction }) {
  if (prediction === null || prediction.receipt.replayed) {
    metrics.observePrediction({ outcome, totalMs: durationMs });
    return;
  }
  const { runtime, queueMs, computeMs } = prediction.receipt;
  metrics.observePrediction({ outcome, totalMs: durationMs, runtime, queueMs, computeMs });
}
async function listen(server, { host, port }) {
  try {
    return await server.start();
  } catch (error) {
    const { code } = error;
    if (code === "EADDRINUSE") {
      throw new StartError(
        `Port ${port} on ${host} is in use by another program; choose another one with PORT.`
      );
    }
    if (code === "EACCES")
      throw new StartError(`This account may not listen on port ${port}; choose another one with PORT.`);
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new StartError(`HOST is ${host}, which is no address of this machine.`);
    }
    throw error;
  }
}
function toStartError(error, { databaseUrl }) {
  if (error instanceof StartError) return error;
  if (error instanceof DatabaseStartError) return new StartError(error.message, { cause: error });
  if (databaseUrl !== null && isDatabaseUnavailable(error)) {
    const reason = error instanceof Error && error.message !== "" ? error.message : error.code;
    return new StartError(`The database that DATABASE_URL names cannot be reached: ${reason}.`, {
      cause: error
    });
  }
  return error;
}
export {
  createApp
};
//# sourceMappingURL=app.js.map
