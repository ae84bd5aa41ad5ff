// `npm run campaign:quota`: again and again, 200 requests at once where K units are left, on one server or on several
// operating-system processes with one PostgreSQL. Exactly K must be admitted, the others refused by that limit, and the
// quota and the ledger must say K. One JSON line per round that broke a rule, then a summary; exit code 1 when one did.
import { parseArgs } from 'node:util';
import { ask, lastingKey, ledgerOf, newKey, newTenant, succeed } from './crash/api.mjs';
import { openWorld } from './crash/world.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    servers: { type: 'string', default: '1' },
    requests: { type: 'string', default: '200' },
    // Predictions before the burst, so that servers have units ahead when it comes.
    warm: { type: 'string', default: '16' },
  },
});
const [rounds, servers, requests, warm] = ['rounds', 'servers', 'requests', 'warm'].map((name) =>
  Number(values[name]),
);
if (!(rounds > 0 && servers > 0 && requests > 1 && warm >= 0)) {
  console.error('--rounds, --servers and --requests must be above 0, --warm 0 or more.');
  process.exit(2);
}

const ROW = Array(10).fill(0.1);
const BYTES = 4 * ROW.length;
const PREDICT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id } errors { code message ... on QuotaExceededError { measure window } } } }`;
const QUOTA =
  'query ($key: ID!) { quota(apiKeyId: $key) { subject subjectId measure window modelId used reserved remaining } }';

/** By which limit `left` predictions are left after `warm`; each sets it, and says how a refusal names it. */
const KINDS = {
  async month({ url, admin }, left) {
    return { key: await newKey(url, admin, warm + left), measure: 'PREDICTIONS', window: 'MONTH', unit: 1 };
  },
  rows: (facts, left) => limited(facts, { measure: 'ROWS', window: 'DAY' }, 1, warm + left),
  // Not a whole number of predictions is left: the rest is of no use.
  bytes: (facts, left) =>
    limited(
      facts,
      { measure: 'BYTES', window: 'MONTH' },
      BYTES,
      (warm + left) * BYTES + Math.floor(Math.random() * BYTES),
    ),
  model: (facts, left) =>
    limited(facts, { measure: 'PREDICTIONS', window: 'LIFETIME', modelId: facts.modelId }, 1, warm + left),
};

async function limited({ url, admin }, place, unit, amount) {
  const key = await newKey(url, admin, 1_000_000);
  await succeed(url, admin, 'setLimit', 'limit { id }', { apiKeyId: key.id, ...place, amount });
  return { key, ...place, unit };
}

async function predictOn(url, { secret }, versionId) {
  const input = { target: { versionId }, inputs: [{ data: [ROW] }], timeoutMs: 60_000 };
  const { data, errors } = await ask(url, secret, PREDICT, { input }, 90_000);
  if (errors !== undefined) return JSON.stringify(errors);
  const [error] = data.predict.errors;
  return error === undefined ? 'ok' : `${error.code} ${error.measure} ${error.window}`;
}

async function playRound(round, facts) {
  const left = 1 + Math.floor(Math.random() * (requests - 1));
  const names = Object.keys(KINDS);
  const kind = names[round % names.length];
  const { key, measure, window, unit } = await KINDS[kind](facts, left);
  const urls = world.urls();
  const broken = [];
  for (let i = 0; i < warm; i += 4) {
    const some = Array.from({ length: Math.min(4, warm - i) }, (_, j) =>
      predictOn(urls[(i + j) % urls.length], key, facts.versionId),
    );
    for (const outcome of await Promise.all(some)) if (outcome !== 'ok') broken.push(`warm-up: ${outcome}`);
  }
  const startedAt = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: requests }, (_, i) => predictOn(urls[i % urls.length], key, facts.versionId)),
  );
  const tookMs = Math.round(performance.now() - startedAt);
  const admitted = outcomes.filter((outcome) => outcome === 'ok').length;
  if (admitted !== left) broken.push(`${admitted} admitted, ${left} left`);
  const others = outcomes.filter((one) => one !== 'ok' && one !== `QUOTA_EXCEEDED ${measure} ${window}`);
  if (others.length > 0) broken.push(`${others.length} otherwise: ${others[0]}`);
  for (const url of urls) {
    const { data } = await ask(url, facts.admin, QUOTA, { key: key.id });
    const mine = data.quota.find(
      (one) => one.subjectId === key.id && one.measure === measure && one.window === window,
    );
    if (mine?.used !== (warm + left) * unit)
      broken.push(`the quota says ${mine?.used} of ${(warm + left) * unit}`);
  }
  // Dear: page by page.
  if (round % 20 === 1) {
    const events = await ledgerOf(urls[0], facts.admin, key.id);
    if (events.length !== warm + left)
      broken.push(`${events.length} events in the ledger, not ${warm + left}`);
  }
  return { round, kind, left, admitted, tookMs, broken };
}

let world = null;
async function end(code) {
  await world?.end();
  process.exit(code);
}
// What the top of this file waits for, too: a campaign that fails leaves no server behind.
for (const event of ['unhandledRejection', 'uncaughtException']) {
  process.on(event, (error) => {
    console.error(error);
    void end(1);
  });
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(130));

world = await openWorld({
  servers,
  environment: {
    INFERENCE_WORKERS: '1',
    PREDICTIONS_PER_MINUTE: '1000000000',
    // A thousand rounds use more than a tenant has by default; only the limits of the rounds are meant to bind.
    DEFAULT_PREDICTIONS_PER_MONTH: '1000000000',
    MAX_CONCURRENT_PREDICTIONS: '10000',
  },
});
const [url] = world.urls();
const { token, modelId, versionId } = await newTenant(url);
const facts = { url, modelId, versionId, admin: await lastingKey(url, token) };
const startedAt = performance.now();
const summary = { rounds: 0, servers, requests, exact: 0, admitted: 0, broken: 0, longestMs: 0 };
for (let round = 1; round <= rounds; round++) {
  const { left, broken, ...result } = await playRound(round, facts);
  summary.rounds += 1;
  summary.admitted += result.admitted;
  summary.longestMs = Math.max(summary.longestMs, result.tookMs);
  if (result.admitted === left) summary.exact += 1;
  if (broken.length > 0) {
    summary.broken += 1;
    console.log(JSON.stringify({ ...result, left, broken }));
  }
}
const faults = world.faults();
console.log(
  JSON.stringify({
    summary: true,
    ...summary,
    faults,
    seconds: Math.round((performance.now() - startedAt) / 1000),
  }),
);
await end(summary.broken > 0 || faults.length > 0 ? 1 : 0);
