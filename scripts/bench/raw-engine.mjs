// The engine alone, in a bare loop: no server, no queue, no wire. The same code that the pool's workers run, on as
// many threads, with the same native settings (given in the environment).
import { Worker } from 'node:worker_threads';

const [packPath, runtime, threads, temporaryDirectory] = process.argv.slice(2);

const workers = [];

function ask(worker, question) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      settle(value);
    };
    const onMessage = (message) => end(resolve, message);
    const onError = (error) => end(reject, error);
    worker.on('message', onMessage);
    worker.on('error', onError);
    if (question !== null) worker.postMessage(question);
  });
}

function fail(error) {
  process.send({ error: error.stack });
}

process.on('disconnect', () => process.exit(0));
process.on('message', ({ inputs, seconds }) => {
  const cpuBefore = process.cpuUsage();
  Promise.all(workers.map((worker) => ask(worker, { inputs, seconds }))).then((results) => {
    const { user, system } = process.cpuUsage(cpuBefore);
    process.send({
      count: results.reduce((sum, { latencyMs }) => sum + latencyMs.length, 0),
      perSecond: results.reduce(
        (sum, { latencyMs, elapsedMs }) => sum + (latencyMs.length / elapsedMs) * 1_000,
        0,
      ),
      latencyMs: Float64Array.from(results.flatMap(({ latencyMs }) => [...latencyMs])),
      // The first output's values for each of the inputs, as the first thread computed them.
      values: results[0].values,
      cpuSeconds: (user + system) / 1e6,
    });
  }, fail);
});

// One after another: a native library need not bear being started by two threads at once.
for (let thread = 0; thread < Number(threads); thread++) {
  const worker = new Worker(new URL('./raw-engine-thread.mjs', import.meta.url), {
    workerData: { packPath, runtime, temporaryDirectory },
  });
  await ask(worker, null);
  workers.push(worker);
}
process.send({ ready: true });
