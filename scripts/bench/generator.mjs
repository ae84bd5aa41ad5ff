// The load generator: a process of its own that runs one load after another for the process that started it.
// Closed loop: each connection sends as soon as it has its answer. Open loop: requests are sent when they are due.
import { Worker } from 'node:worker_threads';
import { judge } from './judge.mjs';
import { now } from './monotonic.mjs';
import { dueBy, nextWithin, openLoop } from './schedule.mjs';
import { openConnection, postBytes } from './wire.mjs';

const ANSWER_WITHIN_MS = 60_000;

/** Counts what comes back. Only what ends at or after `countFromMs` makes figures; a wrong answer always counts. */
function createTally(countFromMs) {
  const dueMs = [];
  const latencyMs = [];
  const receipts = { batchSize: 0, queueMs: [], computeMs: [], loadMs: 0 };
  const tally = { sent: 0, answered: 0, ok: 0, refused: {}, failed: {}, wrong: {} };
  const count = (table, name) => (table[name] = (table[name] ?? 0) + 1);
  return {
    tally,
    sent: () => (tally.sent += 1),
    note(judged, due, doneAt) {
      tally.answered += 1;
      if (judged.outcome === 'wrong' || judged.outcome === 'failed') count(tally[judged.outcome], judged.why);
      if (doneAt < countFromMs) return;
      if (judged.outcome === 'refused') count(tally.refused, judged.code);
      if (judged.outcome !== 'ok') return;
      tally.ok += 1;
      dueMs.push(due);
      latencyMs.push(doneAt - due);
      const { receipt } = judged;
      if (receipt === null) return;
      receipts.batchSize += receipt.batchSize;
      receipts.queueMs.push(receipt.queueMs);
      receipts.computeMs.push(receipt.computeMs);
      receipts.loadMs = Math.max(receipts.loadMs, receipt.loadMs);
    },
    result: (elapsedMs) => ({
      ...tally,
      elapsedMs,
      dueMs: Float64Array.from(dueMs),
      latencyMs: Float64Array.from(latencyMs),
      receipts:
        receipts.queueMs.length === 0
          ? null
          : {
              meanBatchSize: receipts.batchSize / receipts.queueMs.length,
              queueMs: Float64Array.from(receipts.queueMs),
              computeMs: Float64Array.from(receipts.computeMs),
              largestLoadMs: receipts.loadMs,
            },
    }),
  };
}

function prepare({ url, credential, requests }) {
  const { hostname, port } = new URL(url);
  return {
    connect: () => openConnection({ host: hostname, port: Number(port), timeoutMs: ANSWER_WITHIN_MS }),
    // A request may say who sends it; else all come from one.
    ready: requests.map(({ json, expect, credential: own = credential }) => ({
      bytes: postBytes(url, own, json),
      expect,
    })),
  };
}

/** Runs for `seconds` after a warm-up that is not counted, or (`count`) until so many were sent. */
async function closedLoop(load) {
  const { connect, ready } = prepare(load);
  const startedAt = now();
  const countFromMs = load.count === undefined ? load.warmUpSeconds * 1_000 : 0;
  const untilMs = load.count === undefined ? countFromMs + load.seconds * 1_000 : Infinity;
  const tally = createTally(countFromMs);
  let next = 0;
  let measuredMs = untilMs - countFromMs;
  // A machine that is too busy for one answer in time gets the time for one: the rate is then low, not unknown.
  const isOver = (ms) => ms >= untilMs && (tally.tally.ok > 0 || ms >= untilMs + ANSWER_WITHIN_MS);

  function caller() {
    return new Promise((resolve) => {
      const connection = connect();
      const again = () => {
        const sentMs = now() - startedAt;
        if (isOver(sentMs) || next >= (load.count ?? Infinity)) {
          connection.close();
          resolve();
          return;
        }
        const { bytes, expect } = ready[next++ % ready.length];
        tally.sent();
        connection.send(bytes, (status, body) => {
          const doneMs = now() - startedAt;
          const judged = judge(status, body, expect);
          // What comes after the end is not part of the rate.
          const isInTime = !isOver(doneMs);
          if (isInTime) measuredMs = Math.max(measuredMs, doneMs - countFromMs);
          if (isInTime || judged.outcome !== 'ok') tally.note(judged, sentMs, doneMs);
          // A server that is gone answers in no time: do not spin.
          if (status === 0) setTimeout(again, 20);
          else again();
        });
      };
      again();
    });
  }

  await Promise.all(Array.from({ length: load.connections }, caller));
  return tally.result(load.count === undefined ? measuredMs : now() - startedAt);
}

/** Latencies count from when a request was due, also where no connection of the `connections` was free then. */
function openLoad(load) {
  const { connect, ready } = prepare(load);
  const schedule = openLoop(load);
  const tally = createTally(0);
  const idle = Array.from({ length: Math.min(load.connections, 8) }, connect);
  let open = idle.length;
  let next = 0;
  const lateMs = [];
  // A little ahead, so that the thread is there for the first.
  const startedAt = now() + 100;
  const pacer = new Worker(new URL('./pacer.mjs', import.meta.url), {
    workerData: { startAt: startedAt, count: schedule.count, intervalMs: 1_000 / load.ratePerSecond },
  });
  return new Promise((resolve, reject) => {
    /** Woken a little early: waits for the instant, which is too near for a timer. */
    function sendNext() {
      const dueMs = nextWithin(schedule, next, now() - startedAt);
      while (dueMs !== null && now() - startedAt < dueMs);
      sendDue();
    }

    function sendDue() {
      const due = dueBy(schedule, now() - startedAt);
      while (next < due) {
        let connection = idle.pop();
        if (connection === undefined) {
          if (open >= load.connections) return;
          open += 1;
          connection = connect();
        }
        const dueMs = schedule.dueMs(next);
        const { bytes, expect } = ready[next++ % ready.length];
        tally.sent();
        lateMs.push(now() - startedAt - dueMs);
        connection.send(bytes, (status, body) => {
          tally.note(judge(status, body, expect), dueMs, now() - startedAt);
          idle.push(connection);
          sendDue();
          if (tally.tally.answered < schedule.count) return;
          for (const one of idle) one.close();
          resolve({ ...tally.result(now() - startedAt), lateMs: Float64Array.from(lateMs) });
        });
      }
    }
    pacer.on('message', sendNext);
    pacer.on('error', reject);
  });
}

process.on('message', (load) => {
  const cpuBefore = process.cpuUsage();
  (load.ratePerSecond === undefined ? closedLoop(load) : openLoad(load)).then(
    (result) => {
      const { user, system } = process.cpuUsage(cpuBefore);
      process.send({ result: { ...result, cpuSeconds: (user + system) / 1e6 } });
    },
    (error) => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
