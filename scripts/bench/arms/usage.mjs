// How long a tenant waits for its usage and its quota when ten million events lie in the ledger; and whether an export of
// half a million of them takes memory.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, succeed } from '../../crash/api.mjs';
import { percentile, summarise } from '../statistics.mjs';
import { measureExport } from '../usage-export.mjs';
import { connectAsOwner, EVENTS, makeHistory } from '../usage-history.mjs';
import { BrokenArm } from '../world.mjs';

const DAY_MS = 86_400_000;
const EXPORTED_ROWS = 500_000;
const FULL_SECONDS = 10;
const SUM_WITHIN_MS = 290_000;
const SUMS = 'predictions rows bytes computeMs cost { amountMicros currency }';
const QUOTA = '{ quota { subject limit used reserved remaining } }';

/** What a dashboard, a bill and a curious person ask. `from` and `to` in ms. */
const FORMS = {
  month: () => ({ groupBy: [] }),
  monthByModel: () => ({ groupBy: ['MODEL'] }),
  yearByMonthAndModel: ({ now }) => ({
    ...{ groupBy: ['MODEL'], granularity: 'MONTH' },
    range: [now - 395 * DAY_MS, now],
  }),
  yearByDay: ({ now }) => ({ groupBy: [], granularity: 'DAY', range: [now - 395 * DAY_MS, now] }),
  weekByHour: ({ now }) => ({ groupBy: [], granularity: 'HOUR', range: [now - 7 * DAY_MS, now] }),
  quarterByVersionAndKey: ({ now }) => ({ groupBy: ['VERSION', 'API_KEY'], range: [now - 92 * DAY_MS, now] }),
  // Minutes at both ends, which only the events know.
  anySpan: ({ now, random }) => {
    const from = now - (30 + random() * 360) * DAY_MS;
    return { groupBy: ['API_KEY'], range: [from, from + (1 + random() * 29) * DAY_MS] };
  },
};

export const usage = {
  name: 'usage',
  keys: { 'usage.p95Ms': { atMost: 100 }, 'export.rssGrowthMiB': { atMost: 32, over: 'worst' } },

  async prepare(world) {
    const server = await world.server('usage');
    const keys = {};
    for (const name of ['large', 'middle', 'small'])
      keys[name] = await server.market.newConsumer(`bench-${name}`);
    const events = Math.round(EVENTS * Math.min(1, world.seconds / FULL_SECONDS));
    const client = await connectAsOwner(server);
    try {
      const { rows } = await client.query(`SELECT id, slug FROM tenants WHERE slug LIKE 'bench-%'`);
      const idOf = (name) => rows.find(({ slug }) => slug === `bench-${name}`).id;
      const tenantIds = Object.keys(keys).map(idOf);
      const startedAt = performance.now();
      const months = await makeHistory(client, { events, tenantIds, progress: world.progress });
      const madeMs = performance.now() - startedAt;
      const rebuildMs = await sumUp(world, server, months);
      await client.query(
        'VACUUM ANALYZE usage_hours, usage_days, usage_months, usage_key_sums, usage_series, usage_deltas, usage_events',
      );
      const facts = { events, madeMs, rebuildMs, rows: await countRows(client) };
      return { server, keys, facts };
    } finally {
      await client.end();
    }
  },

  async round(world, { server, keys }, round) {
    const random = seeded(round + 1);
    const timings = Object.fromEntries([...Object.keys(FORMS), 'quota'].map((form) => [form, []]));
    const until = performance.now() + world.seconds * 1_000;
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      for (const key of Object.values(keys)) {
        for (const [form, timing] of Object.entries(timings)) {
          const document = form === 'quota' ? QUOTA : documentOf(FORMS[form]({ now: Date.now(), random }));
          const startedAt = performance.now();
          const { data, errors } = await ask(server.url, key, document);
          // The first of each plans its statement on a fresh connection; it counts as the others do.
          timing.push(performance.now() - startedAt);
          const isWhole = form === 'quota' ? data?.quota.length === 2 : isSum(data?.usage);
          if (errors !== undefined || !isWhole)
            throw new BrokenArm(`${form}: ${JSON.stringify(errors ?? data).slice(0, 500)}`);
        }
      }
    }
    const all = Object.values(timings).flat();
    const exports = {};
    for (const format of ['csv', 'jsonl']) {
      const [from, to] = [new Date(Date.now() - 395 * DAY_MS), new Date()];
      const rows = Math.round(EXPORTED_ROWS * Math.min(1, world.seconds / FULL_SECONDS));
      exports[format] = await measureExport(server, keys.large, { format, from, to, rows });
    }
    return {
      values: {
        'usage.p95Ms': percentile(all, 0.95),
        'export.rssGrowthMiB': Math.max(...Object.values(exports).map(({ rssGrowthMiB }) => rssGrowthMiB)),
      },
      raw: {
        all: summarise(all),
        exports,
        ...Object.fromEntries(
          Object.entries(timings).map(([form, timing]) => [
            form,
            { ...summarise(timing), p95: percentile(timing, 0.95) },
          ]),
        ),
      },
    };
  },
};

/** By Souk itself, as an operator would; and by Souk's own word they are right. Milliseconds for all months. */
async function sumUp(world, server, months) {
  const { apiKey: operator } = JSON.parse(readFileSync(join(server.dataDirectory, 'bootstrap.json'), 'utf8'));
  let tookMs = 0;
  for (const month of months) {
    const startedAt = performance.now();
    const { events } = await succeed(
      server.url,
      operator,
      'rebuildUsageRollups',
      'events',
      { month },
      SUM_WITHIN_MS,
    );
    tookMs += performance.now() - startedAt;
    world.progress(`usage: ${events} events of ${month.toISOString().slice(0, 7)} summed`);
  }
  const [last, next] = [months.at(-1), new Date(months.at(-1).getTime() + 28 * DAY_MS)];
  const range = `{ from: "${last.toISOString()}", to: "${next.toISOString()}" }`;
  const { data } = await ask(
    server.url,
    operator,
    `{ checkUsageRollups(range: ${range}) { differences { periodStart } } }`,
    {},
    SUM_WITHIN_MS,
  );
  if (data?.checkUsageRollups.differences.length !== 0)
    throw new BrokenArm('The sums are not those of the events.');
  return tookMs;
}

async function countRows(client) {
  const { rows } = await client.query(
    `SELECT (SELECT count(*)::int FROM usage_events) AS events, (SELECT count(*)::int FROM usage_hours) AS hours,
       (SELECT count(*)::int FROM usage_days) AS days, (SELECT count(*)::int FROM usage_months) AS months,
       (SELECT count(*)::int FROM usage_key_sums) AS "keySums", (SELECT count(*)::int FROM usage_series) AS series`,
  );
  return rows[0];
}

function documentOf({ groupBy, granularity, range }) {
  const instant = (ms) => `"${new Date(ms).toISOString()}"`;
  const parts = [
    `groupBy: [${groupBy.join(', ')}]`,
    ...(granularity === undefined ? [] : [`granularity: ${granularity}`]),
    ...(range === undefined ? [] : [`range: { from: ${instant(range[0])}, to: ${instant(range[1])} }`]),
  ];
  return `{ usage(${parts.join(', ')}) {
    total { ${SUMS} }
    rows { model modelId versionNumber versionId apiKeyId periodStart sum { ${SUMS} } }
  } }`;
}

/** That there is something, and that the rows are all of it. */
function isSum(report) {
  if (report === undefined || report.total.predictions <= 0) return false;
  const sum = report.rows.reduce((all, row) => all + row.sum.predictions, 0);
  return report.rows.length === 0 || sum === report.total.predictions;
}

/** The same spans in every run. */
function seeded(seed) {
  let state = seed * 2_654_435_769;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) | 0;
    return (state >>> 0) / 4_294_967_296;
  };
}
