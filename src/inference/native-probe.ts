/**
 * A native library can end the process that loads it: built for another processor, it dies of an illegal
 * instruction. So it is first loaded into a child of no value; what dies there is not loaded into a worker.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import type { RuntimeReadiness } from './messages.js';
import type { RuntimeName } from './types.js';

const TIMEOUT_MS = 20_000;

/**
 * The engines whose library must not be loaded, each with the reason. Others may still be unavailable.
 * @param entry what the child runs: it is given the engine's name, and says a word when it has survived
 */
export async function findCrashingEngines(
  runtimes: readonly RuntimeName[],
  environment: Readonly<Record<string, string>>,
  entry: URL = builtEntry(import.meta.url, './worker/load-library.js'),
): Promise<RuntimeReadiness[]> {
  const native = runtimes.filter((runtime) => runtime !== 'tfjs-wasm');
  const outcomes = await Promise.all(
    native.map((runtime) => probe(runtime, environment, fileURLToPath(entry))),
  );
  return outcomes.filter((outcome) => outcome !== null);
}

function probe(
  runtime: RuntimeName,
  environment: Readonly<Record<string, string>>,
  entry: string,
): Promise<RuntimeReadiness | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entry, runtime], {
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const crashes = (reason: string): void => {
      resolve({ runtime, available: false, reason });
    };
    // It says one word, when it has survived.
    child.stdout.once('data', () => {
      resolve(null);
      child.kill('SIGKILL');
    });
    // No child, no verdict: the worker will say what is wrong.
    child.on('error', () => {
      resolve(null);
    });
    child.on('exit', (_, signal) => {
      if (signal === null) resolve(null);
      else if (signal === 'SIGKILL') {
        crashes(`The native library of ${runtime} was not loaded within ${TIMEOUT_MS / 1000} s.`);
      } else crashes(`The native library of ${runtime} crashes when it is loaded (${signal}).`);
    });
  });
}
