/**
 * Settings that native engines read from the environment of the process: a thread's own `env` is a copy that
 * C code never sees, so they must be set here, before the first worker starts. Values that the operator has
 * set win.
 */
export interface NativeThreads {
  readonly workers: number;
  readonly cores: number;
}

/**
 * TensorFlow keeps one pool of threads for the whole process, which all workers share, besides each worker's
 * own thread. With the cores divided by the workers, all of them busy at once do not oversubscribe.
 */
export function nativeEnvironment({ workers, cores }: NativeThreads): Readonly<Record<string, string>> {
  const threads = String(Math.max(1, Math.floor(cores / workers)));
  return {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: threads,
    // Errors only: TensorFlow otherwise prints a page about the processor.
    TF_CPP_MIN_LOG_LEVEL: '3',
  };
}

/** Applies the settings that the environment does not have yet. */
export function applyNativeEnvironment(
  settings: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): void {
  for (const [name, value] of Object.entries(settings)) environment[name] ??= value;
}
