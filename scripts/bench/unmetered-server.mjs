// The server as it is, but for four methods of one room: predictions are neither reserved nor charged. The measure of
// `metering.cost`. Admission (the rate, the number at once) stays: it is not what is sold. Nothing in the product can be
// set like this.
import { createApp } from '../../dist/app.js';
import { readConfig } from '../../dist/config.js';
import { createMeteringService } from '../../dist/domain/metering/index.js';
import { createLogger } from '../../dist/lib/logger.js';
import '../../dist/production-mode.js';

/** Everything that the two are asked and answer, made up in memory. */
function createMetering(deps) {
  const { clock } = deps;
  const metering = createMeteringService(deps);
  return Object.freeze({
    ...metering,
    reserve: async ({ tenantId }, { units, rows = 0, bytes = 0, computeUs = 0, costMicros = 0 }) => {
      const now = clock.now();
      const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
      const spanOf = (...ends) => {
        const [start, end] = ends.map(([m, d]) => new Date(Date.UTC(year, m, d)));
        return { start, end };
      };
      const reservation = {
        tenantId,
        leaseId: 'unmetered',
        units,
        claim: { predictions: units, rows, bytes, computeUs, costMicros },
        period: spanOf([month, 1], [month + 1, 1]),
        day: spanOf([month, date], [month, date + 1]),
        ordinal: null,
        remaining: null,
        weight: 1,
      };
      return { ok: true, value: reservation };
    },
    limitsLeft: () => [],
    settle: async () => ({ ok: true, value: { chargedAt: clock.now() } }),
    release: async () => undefined,
  });
}

const { config, problems } = readConfig();
if (config === undefined) throw new Error(problems.join('\n'));
const app = createApp(config, createLogger(config.logLevel), { createMetering });
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)));
const { url } = await app.start();
process.stdout.write(`Souk is ready at ${url}\n`);
