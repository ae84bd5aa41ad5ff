/**
 * Settings that native engines read from the environment of their process. For worker threads that is the
 * server's: a thread's own `env` is a copy that C code never sees, so they are set there before the first worker
 * starts, and values that the operator has set win. A worker process gets them as its whole environment.
 */

/**
 * ONNX Runtime since 1.30 reports its use to its maker over the network, and leaves files in the directory for
 * temporary ones, unless this is set. No engine here tells anybody anything.
 */
export const SILENT_ENGINES = { ORT_DISABLE_TELEMETRY: '1' } as const;

const TENSORFLOW_THREADS = 'TF_NUM_INTRAOP_THREADS';

/**
 * All workers busy at once must not ask for more threads than there are cores. In threads, TensorFlow keeps one
 * pool for the whole process, of this size, besides each worker's own thread; in processes each has its own.
 */
export function defaultThreadsPerWorker(workers: number, cores: number): number {
  return Math.max(1, Math.floor(cores / workers));
}

/**
 * @param runsAtOnce graphs that may be run at the same time in one process, those that hang included. TensorFlow runs
 * all graphs of a process on one pool of this size: with a single thread there, one worker's long run, or its load, held up
 * the runs of all others, and a run that never ends would have ended them all. More threads than runs cost nothing.
 */
export function nativeEnvironment(
  threadsPerWorker: number,
  runsAtOnce: number,
): Readonly<Record<string, string>> {
  const threads = String(threadsPerWorker);
  return {
    [TENSORFLOW_THREADS]: threads,
    TF_NUM_INTEROP_THREADS: String(runsAtOnce),
    OMP_NUM_THREADS: threads,
    // Errors only: TensorFlow otherwise prints a page about the processor.
    TF_CPP_MIN_LOG_LEVEL: '3',
    ...SILENT_ENGINES,
  };
}

/** Applies the number of threads that was decided, and the other settings where the environment has none yet. */
export function applyNativeEnvironment(
  settings: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): void {
  for (const [name, value] of Object.entries(settings)) {
    if (name === TENSORFLOW_THREADS || name in SILENT_ENGINES) environment[name] = value;
    else environment[name] ??= value;
  }
}
