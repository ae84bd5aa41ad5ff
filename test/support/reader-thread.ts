/** Reads artifacts in a thread that can be ended when the HDF5 library loops; engines are not involved. */
import { Worker } from 'node:worker_threads';
import { builtEntry } from '../../src/lib/built-entry.js';

const source = new URL('../../src/importers/', import.meta.url);
const moduleUrl = (file: string): string => builtEntry(new URL('index.ts', source).href, file).href;

const SCRIPT = `
const { parentPort } = require('node:worker_threads');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
parentPort.on('message', async ({ bytes, readArtifactUrl, writeWeightsUrl }) => {
  const { readArtifact } = await import(readArtifactUrl);
  const { blocksOf, writeWeights } = await import(writeWeightsUrl);
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
  const start = (): Worker => new Worker(SCRIPT, { eval: true, stdout: true, stderr: true });
  let worker = start();
  return {
    async read(bytes) {
      const current = worker;
      const outcome = await new Promise<string>((resolve) => {
        const deadline = setTimeout(() => {
          resolve('HANGS');
        }, timeoutMs);
        current.once('message', (message: string) => {
          clearTimeout(deadline);
          resolve(message);
        });
        current.postMessage({
          bytes,
          readArtifactUrl: moduleUrl('./read-artifact.js'),
          writeWeightsUrl: moduleUrl('./pack-file.js'),
        });
      });
      if (outcome === 'HANGS') {
        current.removeAllListeners('message');
        await current.terminate();
        worker = start();
      }
      return outcome;
    },
    async stop() {
      await worker.terminate();
    },
  };
}
