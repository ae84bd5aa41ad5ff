import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { describeBootstrap } from "./first-start.js";
import { createLogger } from "./lib/logger.js";
import { StartError } from "./start-error.js";
const STOP_WITHIN_MS = 9800;
function fail(message) {
  process.stderr.write(`${message}
`);
  process.exit(1);
}
const result = readConfig();
if (!result.ok) {
  fail(`The configuration is not usable:
${result.problems.map((line) => `  - ${line}`).join("\n")}`);
}
const log = createLogger(result.config.logLevel);
const app = createApp(result.config, log);
for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => {
    log.fatal({ err: error }, `${event}: the server ends`);
    process.exit(1);
  });
}
let isStopping = false;
function stop(signal) {
  if (isStopping) {
    log.warn({ signal }, "A second signal: the server ends at once");
    process.exit(130);
  }
  isStopping = true;
  log.info({ signal }, "Stopping");
  setTimeout(() => {
    log.error("The server did not stop in time");
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
  void app.stop().then(() => process.exit(0));
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
try {
  const { url, bootstrap } = await app.start();
  process.stdout.write(`Souk is ready at ${url}
`);
  if (bootstrap !== null) process.stdout.write(`${describeBootstrap(bootstrap)}
`);
} catch (error) {
  if (error instanceof StartError) fail(error.message);
  log.fatal({ err: error }, "The server could not start");
  fail("Souk could not start because of an unexpected error; the log above has the details.");
}
//# sourceMappingURL=main.js.map
