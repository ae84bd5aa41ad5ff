import { constants } from 'node:os';

/** From dlfcn.h of glibc and musl; Node has no name for it. macOS and Windows never unload, or differ. */
const RTLD_NODELETE = 0x1000;

type Dlopen = (module: object, filename: string, flags?: number) => void;

/**
 * Loads native addons so that they stay in memory until the process ends. Node unloads an addon when the
 * last thread that uses it ends; TensorFlow has registered functions to be called at exit by then, and the
 * process would jump into memory that is gone: it ended with a segmentation fault instead of its exit code.
 */
export function keepingAddonsLoaded<T>(load: () => T): T {
  if (process.platform !== 'linux') return load();
  const own = process as unknown as { dlopen: Dlopen };
  const dlopen = own.dlopen;
  own.dlopen = (module, filename, flags = constants.dlopen.RTLD_LAZY) =>
    dlopen.call(process, module, filename, flags | RTLD_NODELETE);
  try {
    return load();
  } finally {
    own.dlopen = dlopen;
  }
}
