/** The process: configuration, start, signals. Exit code 1 whenever it could not start or broke. */
import './production-mode.js';
import { createApp } from './app.js';
import { readConfig } from './config.js';
import { describeBootstrap } from './first-start.js';
import { createLogger } from './lib/logger.js';
import { StartError } from './start-error.js';

const STOP_WITHIN_MS = 9_800;

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const result = readConfig();
if (!result.ok) {
  fail(`The configuration is not usable:\n${result.problems.map((line) => `  - ${line}`).join('\n')}`);
}
const log = createLogger(result.config.logLevel);
const app = createApp(result.config, log);

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    // What has broken is not known, so nothing is trusted to clean up; the next start recovers.
    log.fatal({ err: error }, `${event}: the server ends`);
    process.exit(1);
  });
}

let isStopping = false;
function stop(signal: NodeJS.Signals): void {
  if (isStopping) {
    log.warn({ signal }, 'A second signal: the server ends at once');
    process.exit(130);
  }
  isStopping = true;
  log.info({ signal }, 'Stopping');
  setTimeout(() => {
    log.error('The server did not stop in time');
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
  void app.stop().then(() => process.exit(0));
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

try {
  const { url, bootstrap } = await app.start();
  process.stdout.write(`Souk is ready at ${url}\n`);
  if (bootstrap !== null) process.stdout.write(`${describeBootstrap(bootstrap)}\n`);
} catch (error) {
  if (error instanceof StartError) fail(error.message);
  log.fatal({ err: error }, 'The server could not start');
  fail('Souk could not start because of an unexpected error; the log above has the details.');
}
