/** A server in small, to be killed: a process of its own with one worker process, which has been given an order. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { InferenceJob } from '../../src/inference/index.js';
import { builtEntry } from '../../src/lib/built-entry.js';

export interface EchoParent {
  readonly parent: ChildProcess;
  /** Of the worker. */
  readonly pid: number;
  /** The bytes of the worker's answer; never settles when it gives none. */
  readonly answer: Promise<Buffer>;
}

/**
 * Resolves when the worker has the order in its hands, or has carried it out.
 * @param extraFd a file of this number is open in the parent, as if it had been started with it
 */
export async function startEchoParent(
  workerEntry: URL,
  job: InferenceJob,
  extraFd?: number,
): Promise<EchoParent> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  if (extraFd !== undefined) {
    while (stdio.length < extraFd) stdio.push('ignore');
    stdio.push('pipe');
  }
  const parent = spawn(process.execPath, ['-e', `void (async () => {${script(workerEntry, job)}})()`], {
    stdio,
  });
  const lines = createInterface({ input: parent.stdout as Readable })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  const pid = Number(await nextLine());
  return { parent, pid, answer: nextLine().then((line) => Buffer.from(line, 'base64')) };
}

function script(workerEntry: URL, job: InferenceJob): string {
  const built = (path: string): string =>
    JSON.stringify(builtEntry(new URL('../../src/x.ts', import.meta.url).href, path).href);
  const inputs = job.inputs.map((input) => ({ ...input, data: [...input.data] }));
  return `
    const { InferenceEngine } = await import(${built('./inference/index.js')});
    const { createLogger } = await import(${built('./lib/logger.js')});
    const { readFileSync } = await import('node:fs');
    const engine = new InferenceEngine({
      logger: createLogger('silent'), workers: 1, isolation: 'process', memoryBudgetBytes: 2 ** 20,
      workerEntry: new URL(${JSON.stringify(workerEntry.href)}),
    });
    await engine.start();
    const job = ${JSON.stringify({ ...job, inputs })};
    const inputs = job.inputs.map((input) => ({ ...input, data: Uint8Array.from(input.data) }));
    const answer = engine.infer({ ...job, inputs });
    const busy = new Promise((resolve) => {
      const timer = setInterval(() => {
        if (engine.stats().workers[0].state !== 'busy') return;
        clearInterval(timer);
        resolve();
      }, 5);
    });
    await Promise.race([busy, answer]);
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim());
    const { value } = await answer;
    console.log(Buffer.from(value.outputs[0].data).toString('base64'));
    setInterval(() => undefined, 1_000);`;
}
