/** Reads artifacts in a thread that can be ended when the HDF5 library loops; engines are not involved. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { builtEntry } from '../../src/lib/built-entry.js';

const source = new URL('../../src/importers/', import.meta.url);
const moduleUrl = (file: string): string => builtEntry(new URL('index.ts', source).href, file).href;

const SCRIPT = `
const { parentPort, workerData } = require('node:worker_threads');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const modules = Promise.all([import(workerData.readArtifactUrl), import(workerData.writeWeightsUrl)]);
modules.then(() => parentPort.postMessage('STARTED'));
parentPort.on('message', async (bytes) => {
  const [{ readArtifact }, { blocksOf, writeWeights }] = await modules;
  const directory = mkdtempSync(join(require('node:os').tmpdir(), 'souk-read-'));
  try {
    writeFileSync(join(directory, 'artifact'), bytes);
    const model = await readArtifact(join(directory, 'artifact'), directory, () => undefined);
    writeWeights(directory, blocksOf(model), () => undefined);
    parentPort.postMessage('ACCEPTED');
  } catch (error) {
    parentPort.postMessage(error.refusal?.code ?? 'FAULT ' + error.stack);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
`;

export interface ReaderThread {
  /** ACCEPTED, a refusal's code, HANGS, or FAULT with the stack of an exception that is no refusal. */
  read(bytes: Uint8Array): Promise<string>;
  stop(): Promise<void>;
}

export function createReaderThread(timeoutMs: number): ReaderThread {
  const workerData = {
    readArtifactUrl: moduleUrl('./read-artifact.js'),
    writeWeightsUrl: moduleUrl('./pack-file.js'),
  };
  const start = () => {
    const worker = new Worker(SCRIPT, { eval: true, stdout: true, stderr: true, workerData });
    return { worker, started: once(worker, 'message') };
  };
  let thread = start();
  return {
    async read(bytes) {
      const current = thread.worker;
      // A busy machine may take longer to load the readers than a file may take.
      await thread.started;
      const outcome = await new Promise<string>((resolve) => {
        const deadline = setTimeout(() => {
          resolve('HANGS');
        }, timeoutMs);
        current.once('message', (message: string) => {
          clearTimeout(deadline);
          resolve(message);
        });
        current.postMessage(bytes);
      });
      if (outcome === 'HANGS') {
        current.removeAllListeners('message');
        await current.terminate();
        thread = start();
      }
      return outcome;
    },
    async stop() {
      await thread.worker.terminate();
    },
  };
}
