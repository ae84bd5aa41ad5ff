// What must hold after every fault. Each broken rule is one line of text; no line, no fault.
import { accountsOf, chargedIn, ledgerOf, predict } from './api.mjs';
import { checkTables } from './tables.mjs';

const RESERVED_WITHIN_MS = 60_000;
const RETRY_WITHIN_MS = 60_000;
const RETRIES_AT_ONCE = 8;
/** Beyond what is left of the quota. */
const TOO_MANY = 8;
const MOST_TO_DRAIN = 200;
const DRAIN_ATTEMPTS = 5;
/** What a busy machine may say, and what asking again is for. */
const MAY_PASS = new Set(['DEADLINE_EXCEEDED', 'SERVICE_UNAVAILABLE']);
// What a server may say while its database is away. Everything else, an internal error most of all, is a defect.
const MAY_FAIL_WITH = new Set(['SERVICE_UNAVAILABLE']);

/**
 * Compares what the callers of a round saw with what the servers have written down.
 * @param {{urls: string[], databaseUrl: string, faultAt: number, history: object[], inFlightAtFault: number}} round
 * and what `playRound` knows of it; `faultAt` on the clock of `performance.now()`
 * @returns {Promise<{broken: string[], facts: object}>}
 */
export async function checkRound(round) {
  const { urls, token, key, history, inFlightAtFault, quotaLimit } = round;
  const [url] = urls;
  const broken = [];
  const facts = {};

  // What the dead process held comes back, whether or not anybody asks for it.
  facts.reservedBackMs = await untilNothingIsReserved(round, broken);
  Object.assign(facts, await retryKeys(round, broken));
  facts.admittedAfter = await drain(round, broken);
  await untilNothingIsReserved({ ...round, faultAt: performance.now() }, broken);
  const accounts = await accountsOf(url, token, key.id);

  const ledger = await ledgerOf(url, token, key.id);
  const written = new Map();
  for (const { id } of ledger) written.set(id, (written.get(id) ?? 0) + 1);
  const answered = new Set(history.filter(({ outcome }) => outcome === 'ok').map(({ id }) => id));
  const lost = [...answered].filter((id) => !written.has(id));
  if (lost.length > 0)
    broken.push(`${lost.length} answered predictions are not in the ledger: ${lost.slice(0, 3)}`);
  const twice = [...written].filter(([, count]) => count > 1);
  if (twice.length > 0) broken.push(`${twice.length} predictions are in the ledger twice`);
  const requests = new Set(ledger.map(({ requestId }) => requestId));
  if (requests.size < ledger.length) broken.push('two predictions were charged to one request');
  const receipts = new Map(ledger.map((row) => [row.id, row.requestId]));
  for (const { outcome, id, requestId, replayed, charged } of history) {
    if (outcome !== 'ok' || !receipts.has(id)) continue;
    if (receipts.get(id) !== requestId) broken.push(`${id} is in the ledger under another request`);
    if (charged !== (replayed ? 0 : 1)) broken.push(`${id} says that it was charged ${charged}`);
  }

  const unknown = ledger.filter(({ id }) => !answered.has(id));
  const mayBeCharged = history.filter(
    ({ outcome, key: name }) => name === undefined && (outcome === 'lost' || outcome === 'failed'),
  ).length;
  const bound = Math.min(mayBeCharged, inFlightAtFault);
  if (unknown.length > bound)
    broken.push(`${unknown.length} charged without an answer, ${bound} were in flight`);
  for (const { id, requestId } of unknown) {
    const ids = await chargedIn(url, token, requestId);
    if (ids.length !== 1 || ids[0] !== id) broken.push(`${id} is not found by its request id`);
  }
  // A refusal is a promise that nothing was charged.
  for (const { outcome, requestId, code } of history) {
    if (outcome === 'failed' && !MAY_FAIL_WITH.has(code)) broken.push(`a request failed with ${code}`);
    if (outcome === 'refused' && requests.has(requestId))
      broken.push(`a refused request was charged (${code})`);
  }

  const charges = ledger.reduce((sum, { charged }) => sum + charged, 0);
  if (accounts.key.used !== charges || accounts.usageOfKey !== charges) {
    broken.push(`ledger ${charges}, quota.used ${accounts.key.used}, usage ${accounts.usageOfKey}`);
  }
  if (accounts.tenant.used !== accounts.usage) {
    broken.push(`the tenant's quota.used is ${accounts.tenant.used}, its usage ${accounts.usage}`);
  }
  if (accounts.key.used > quotaLimit) broken.push(`${accounts.key.used} used of a quota of ${quotaLimit}`);

  broken.push(...(await checkTables(round.databaseUrl)));

  return {
    broken: [...new Set(broken)],
    facts: { ...facts, answered: answered.size, ledger: ledger.length, chargedUnanswered: unknown.length },
  };
}

/** Answers how long after the fault nothing was reserved any more. */
async function untilNothingIsReserved({ urls, token, key, faultAt }, broken) {
  for (;;) {
    const { tenant, key: ofKey } = await accountsOf(urls[0], token, key.id);
    const afterMs = Math.round(performance.now() - faultAt);
    if (tenant.reserved + ofKey.reserved === 0) return afterMs;
    if (afterMs > RESERVED_WITHIN_MS) {
      broken.push(`${tenant.reserved} units are reserved ${afterMs} ms after the fault, and nothing runs`);
      return afterMs;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Each key again, also those without an answer: it answers as before, or runs now. */
async function retryKeys({ urls, key, versionId, history }, broken) {
  const facts = { retriedKeys: 0, slowestRetryMs: 0 };
  const keys = new Map();
  for (const { key: name, outcome, id } of history) {
    if (name === undefined) continue;
    const ids = keys.get(name) ?? new Set();
    if (outcome === 'ok') ids.add(id);
    keys.set(name, ids);
  }
  const unanswered = [...keys].filter(([, ids]) => ids.size === 0);
  const line = [...unanswered, ...[...keys].filter(([, ids]) => ids.size > 0).slice(-40)];
  const retry = async ([name, ids]) => {
    const startedAt = performance.now();
    const ask = () => predict(urls[facts.retriedKeys++ % urls.length], key.secret, versionId, name);
    let answer = await ask();
    while (MAY_PASS.has(answer.code) && performance.now() - startedAt < RETRY_WITHIN_MS) {
      answer = await ask();
    }
    facts.slowestRetryMs = Math.max(facts.slowestRetryMs, Math.round(performance.now() - startedAt));
    if (answer.outcome === 'ok') {
      if (ids.size > 0 && !answer.replayed) broken.push(`the answered key ${name} ran again`);
      ids.add(answer.id);
      history.push({ key: name, ...answer });
    } else if (answer.code !== 'QUOTA_EXCEEDED' || ids.size > 0) {
      broken.push(`the retry of the key ${name} ended with ${answer.outcome} ${answer.code}`);
    }
  };
  const worker = async () => {
    while (line.length > 0) await retry(line.shift());
  };
  await Promise.all(Array.from({ length: RETRIES_AT_ONCE }, worker));
  for (const [name, ids] of keys) {
    if (ids.size > 1) broken.push(`the key ${name} was answered by ${ids.size} predictions`);
  }
  return facts;
}

/**
 * Asks for more than is left of a small quota, all at once over all servers: exactly what is left is admitted. What a busy
 * machine could not answer in time is asked again; what is refused while units are left is a defect.
 */
async function drain({ urls, token, key, versionId, history, quotaLimit }, broken) {
  const { key: before } = await accountsOf(urls[0], token, key.id);
  const left = quotaLimit - before.used;
  if (left > MOST_TO_DRAIN) return undefined;
  let admitted = 0;
  for (let attempt = 0; attempt < DRAIN_ATTEMPTS; attempt++) {
    const wanted = left - admitted + TOO_MANY;
    const answers = await Promise.all(
      Array.from({ length: wanted }, (_, i) => predict(urls[i % urls.length], key.secret, versionId)),
    );
    history.push(...answers);
    admitted += answers.filter(({ outcome }) => outcome === 'ok').length;
    const late = answers.filter(({ outcome, code }) => outcome !== 'ok' && code !== 'QUOTA_EXCEEDED');
    const strange = late.find(({ code }) => !MAY_PASS.has(code));
    if (strange !== undefined) broken.push(`asking for more than was left was answered ${strange.code}`);
    if (late.length === 0 || strange !== undefined) break;
  }
  // Also what was charged and could not be answered any more; the other checks count those.
  const { key: after } = await accountsOf(urls[0], token, key.id);
  if (admitted > left || after.used !== quotaLimit) {
    broken.push(
      `${admitted} were admitted with ${left} left after the fault; ${after.used} are used of ${quotaLimit}`,
    );
  }
  return admitted;
}
