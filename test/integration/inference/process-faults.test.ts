/** What only workers in processes survive, and the walls around them. */
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findSandbox } from '../../../src/lib/sandbox.js';
import { codeOf, echoPools, isAlive, readyWorkers, surroundings } from '../../support/echo-pool.js';
import { startEchoParent } from '../../support/echo-parent.js';
import { faultyModel, orderJob, type Order, type Surroundings } from '../../support/faulty-worker-entry.js';
import { until } from '../../support/until.js';

const MEBIBYTE = 2 ** 20;
const pools = echoPools('process');

describe('a worker process that dies', () => {
  it.each<[string, Order, RegExp]>([
    ['is killed from outside', { do: 'kill', signal: 'SIGKILL' }, /something outside the pool killed it/],
    ['aborts', { do: 'abort' }, /a fault in native code ended it \(SIGABRT\)/],
    [
      'reads memory that is not its own',
      { do: 'kill', signal: 'SIGSEGV' },
      /a fault in native code ended it \(SIGSEGV\)/,
    ],
  ])(
    'because it %s costs its own job, with the reason, and is replaced within 2 s',
    async (_, order, reason) => {
      const engine = await pools.start();
      const neighbour = faultyModel(pools.directory, { seed: 'neighbour' });

      const [lost, ...innocents] = await Promise.all([
        engine.infer(orderJob(faultyModel(pools.directory), order)),
        ...Array.from({ length: 5 }, () => engine.infer(orderJob(neighbour, { do: 'wait', ms: 20 }))),
      ]);
      const lostAtMs = performance.now();
      await until(() => readyWorkers(engine) === 2);

      expect(lost).toMatchObject({
        error: { code: 'WORKER_LOST', message: expect.stringMatching(reason) as string },
      });
      expect(innocents.map(codeOf)).toEqual(innocents.map(() => 'OK'));
      expect(performance.now() - lostAtMs).toBeLessThan(2_000);
      expect(engine.stats().counters).toMatchObject({ crashes: 2, retries: 1 });
    },
  );

  it('takes the processes with it that it had started', async () => {
    const engine = await pools.start({ workers: 1 });
    const { pid } = await surroundings(engine, pools.directory);

    await engine.infer(orderJob(faultyModel(pools.directory), { do: 'leave-a-child' }));

    // Of its session, whose number is the worker's: nobody may be left.
    await until(() => !isGroupAlive(pid));
  });
});

describe('a deadline', () => {
  it('in a native call kills the worker soon after it, and leaves nothing stuck', async () => {
    const engine = await pools.start({ workers: 1 });
    const model = faultyModel(pools.directory);
    const { pid } = await surroundings(engine, pools.directory);
    const startedAtMs = performance.now();

    await engine.infer(orderJob(model, { do: 'hang' }, { timeoutMs: 200 }));
    await until(() => !isAlive(pid), { everyMs: 2 });

    // 150 ms of grace; the rest is for a busy machine.
    expect(performance.now() - startedAtMs).toBeLessThan(200 + 450);
    await until(() => engine.stats().stuckThreads === 0);
  });
});

describe('a worker process that bloats', () => {
  it('is refused the memory by the kernel, and goes on with its other models', async ({ skip }) => {
    const engine = await pools.start({ workers: 1, engineAllowanceBytes: 512 * MEBIBYTE });
    if (engine.stats().walls.memoryLimitBytes === null) skip();
    const greedy = faultyModel(pools.directory, { seed: 'greedy' });

    const refused = await engine.infer(orderJob(greedy, { do: 'allocate', mebibytes: 1_024, keep: false }));

    expect(refused).toMatchObject({
      error: { code: 'RUNTIME_FAILED', message: expect.stringContaining('allocation failed') as string },
    });
    expect(codeOf(await engine.infer(orderJob(faultyModel(pools.directory), { do: 'echo' })))).toBe('OK');
  });

  it('is replaced when it keeps between two runs what belongs to none', async () => {
    const engine = await pools.start({
      workers: 1,
      engineAllowanceBytes: 256 * MEBIBYTE,
      memoryBudgetBytes: 128 * MEBIBYTE,
    });
    const model = faultyModel(pools.directory);
    const before = await surroundings(engine, pools.directory);

    const answered = await engine.infer(orderJob(model, { do: 'allocate', mebibytes: 400, keep: true }));
    await until(() => engine.stats().workers[0]?.replaced === 1 && readyWorkers(engine) === 1);

    expect(codeOf(answered)).toBe('OK');
    expect((await surroundings(engine, pools.directory)).pid).not.toBe(before.pid);
    expect(engine.stats()).toMatchObject({ counters: { crashes: 0 }, quarantinedModels: 0 });
  });
});

describe('the walls around a worker process', () => {
  it('are those that the pool names', async () => {
    const engine = await pools.start({ workers: 1, engineAllowanceBytes: 512 * MEBIBYTE });
    const { walls, threadsPerWorker } = engine.stats();
    const { pid, environment, files, interfaces } = await surroundings(engine, pools.directory);

    expect(walls).toMatchObject({ ownMemory: true, environmentHidden: true });
    expect(environment).toEqual({
      TF_NUM_INTRAOP_THREADS: String(threadsPerWorker),
      TF_NUM_INTEROP_THREADS: '1',
      OMP_NUM_THREADS: String(threadsPerWorker),
      TF_CPP_MIN_LOG_LEVEL: '3',
      ORT_DISABLE_TELEMETRY: '1',
    });
    expect(walls.networkCutOff ? interfaces : []).toEqual([]);
    const limit = /^Max data size\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
    expect(limit === undefined ? null : Number(limit)).toBe(walls.memoryLimitBytes);
    // A session of its own.
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]).toBe(String(pid));
    // Its standard streams, its line to the pool, and what Node opens for itself: no file and no other socket.
    const foreign = files.filter(
      (file) => !/^(0 \/dev\/null|[123] socket:.*|\d+ (anon_inode:|pipe:|\/dev\/null).*)$/.test(file),
    );
    expect(foreign).toEqual([]);
    expect(files.filter((file) => file.includes('socket:')).length).toBeLessThanOrEqual(3);
  });

  it('hold back the files that the server itself was started with', async () => {
    const inspect = orderJob(faultyModel(pools.directory), { do: 'inspect' });
    const { answer, parent } = await startEchoParent(pools.entry, inspect, 40);
    try {
      const { files } = JSON.parse((await answer).toString('utf8')) as Surroundings;

      expect(readlinkSync(`/proc/${parent.pid}/fd/40`)).toMatch(/^socket:/);
      expect(files).toContain('40 /dev/null');
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('are those that the machine offers', async () => {
    const { network, maxDataBytes } = await findSandbox({ maxDataBytes: 2 ** 30 });
    const engine = await pools.start();

    expect(engine.stats().walls.networkCutOff).toBe(network === 'none');
    expect(engine.stats().walls.memoryLimitBytes === null).toBe(maxDataBytes === null);
  });
});

describe('no worker process outlives', () => {
  it('a pool that stops', async () => {
    const engine = await pools.start();
    const { pid } = await surroundings(engine, pools.directory);

    await engine.stop({ graceMs: 1_000 });

    expect(isAlive(pid)).toBe(false);
  });

  it.each([
    ['idle', { do: 'echo' }],
    ['in a loop', { do: 'hang' }],
    ['in a native call', { do: 'native-call', ms: 4_000 }],
  ] as const)('a server that is killed while it is %s', async (_, order) => {
    const { pid, parent } = await startEchoParent(pools.entry, orderJob(faultyModel(pools.directory), order));
    try {
      expect(isAlive(pid)).toBe(true);
      const exited = once(parent, 'exit');
      parent.kill('SIGKILL');
      await exited;

      await until(() => !isAlive(pid), { timeoutMs: 2_000 });
    } finally {
      parent.kill('SIGKILL');
    }
  });
});

function isGroupAlive(group: number): boolean {
  return isAlive(-group);
}
