/**
 * A native library can end the process that loads it: built for another processor, it dies of an illegal
 * instruction. So it is first loaded into a child of no value; what dies there is not loaded into a worker.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import type { RuntimeReadiness } from './messages.js';
import type { RuntimeName } from './types.js';

export type NativeLibrary = 'tensorflow' | 'onnxruntime';

/** What each engine loads into its process; `null`: nothing native. */
const LIBRARY_OF: Readonly<Record<RuntimeName, NativeLibrary | null>> = {
  'tfjs-graph': 'tensorflow',
  'tfjs-node': 'tensorflow',
  'tfjs-wasm': null,
  onnx: 'onnxruntime',
};
// Only a library that never comes back takes so long; a busy machine may need half of it.
const TIMEOUT_MS = 60_000;

/**
 * The engines whose library must not be loaded, each with the reason. Others may still be unavailable.
 * @param entry what the child runs: it is given the library's name, and says a word when it has survived
 */
export async function findCrashingEngines(
  runtimes: readonly RuntimeName[],
  environment: Readonly<Record<string, string>>,
  entry: URL = builtEntry(import.meta.url, './worker/load-library.js'),
): Promise<RuntimeReadiness[]> {
  const libraries = new Set(runtimes.map((runtime) => LIBRARY_OF[runtime]).filter((name) => name !== null));
  const verdicts = new Map<NativeLibrary | null, string>();
  await Promise.all(
    [...libraries].map(async (library) => {
      const reason = await probe(library, environment, fileURLToPath(entry));
      if (reason !== null) verdicts.set(library, reason);
    }),
  );
  return runtimes.flatMap((runtime) => {
    const reason = verdicts.get(LIBRARY_OF[runtime]);
    return reason === undefined ? [] : [{ runtime, available: false, reason }];
  });
}

/** Why the library must not be loaded, or `null`. */
function probe(
  library: NativeLibrary,
  environment: Readonly<Record<string, string>>,
  entry: string,
): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entry, library], {
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
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
        resolve(`The native library ${library} was not loaded within ${TIMEOUT_MS / 1000} s.`);
      } else resolve(`The native library ${library} crashes the process that loads it (${signal}).`);
    });
  });
}
