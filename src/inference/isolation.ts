/** What separates workers from the server: which walls there are, and how workers are opened behind them. */
import { findSandbox, type Sandbox } from '../lib/sandbox.js';
import type { ResolvedOptions } from './engine-options.js';
import type { RuntimeReadiness, WorkerSettings } from './messages.js';
import { applyNativeEnvironment } from './native-environment.js';
import { findCrashingEngines } from './native-probe.js';
import type { checkMessage as CheckMessage } from './check-message.js';
import { processChannels } from './process-channel.js';
import { threadChannels } from './thread-channel.js';
import type { OpenWorkerChannel } from './worker-channel.js';

export const ISOLATIONS = ['thread', 'process'] as const;
export type IsolationKind = (typeof ISOLATIONS)[number];

/** What stands between a worker and the rest, as it is on this machine and not as it was hoped to be. */
export interface IsolationWalls {
  /** A crash in native code ends only the worker, and no worker reads another's memory or the server's. */
  readonly ownMemory: boolean;
  /** No network interface at all. */
  readonly networkCutOff: boolean;
  /** Nothing of the server's environment can be read, by native code either. */
  readonly environmentHidden: boolean;
  /** Private memory of each worker that the kernel enforces; `null`: none is enforced. */
  readonly memoryLimitBytes: number | null;
}

export interface Isolation {
  readonly kind: IsolationKind;
  readonly open: OpenWorkerChannel;
  /** Examines the machine; once, before the first worker is opened. */
  prepare(): Promise<void>;
  /** Of workers opened after `prepare`. */
  walls(): IsolationWalls;
}

/** While a model loads, it is there up to three times: its file, its weights cut out, the engine's tensors. */
const COPIES_WHILE_LOADING = 3;

export function createIsolation(options: ResolvedOptions): Isolation {
  return options.isolation === 'process' ? inProcesses(options) : inThreads(options);
}

/** What workers are told; complete once the engines' libraries have been tried. */
function createSettings(options: ResolvedOptions): { read(): WorkerSettings; prepare(): Promise<void> } {
  let unusable: readonly RuntimeReadiness[] = [];
  return {
    read: () => ({
      runtimes: options.runtimes,
      memoryBudgetBytes: options.memoryBudgetBytesPerWorker,
      nativeThreads: options.threadsPerWorker,
      unusable,
    }),
    async prepare() {
      if (!options.probesLibraries) return;
      unusable = await findCrashingEngines(options.runtimes, options.nativeEnvironment);
      for (const { runtime, reason } of unusable) {
        options.logger.error({ runtime, reason }, 'an engine cannot be used on this machine');
      }
    },
  };
}

function inThreads(options: ResolvedOptions): Isolation {
  const settings = createSettings(options);
  return Object.freeze({
    kind: 'thread' as const,
    open: threadChannels({
      entry: options.workerEntry,
      settings: settings.read,
      maxHeapBytes: options.maxHeapBytesPerWorker,
      logger: options.logger,
    }),
    async prepare() {
      await settings.prepare();
      applyNativeEnvironment(options.nativeEnvironment, options.environment);
    },
    walls: () => ({
      ownMemory: false,
      networkCutOff: false,
      environmentHidden: false,
      memoryLimitBytes: null,
    }),
  });
}

function inProcesses(options: ResolvedOptions): Isolation {
  const settings = createSettings(options);
  const budgetBytes = options.memoryBudgetBytesPerWorker;
  const maxBytes = COPIES_WHILE_LOADING * budgetBytes + options.engineAllowanceBytes;
  let sandbox: Sandbox | null = null;
  // With a library of schemas, which import children and servers with threads would load with it for nothing.
  let check: typeof CheckMessage | null = null;
  const prepared = <T>(part: T | null): T => {
    if (part === null) throw new Error('The machine has not been examined yet.');
    return part;
  };
  return Object.freeze({
    kind: 'process' as const,
    open: processChannels({
      entry: options.workerEntry,
      settings: settings.read,
      commandPrefix: () => prepared(sandbox).prefix,
      checkMessage: () => prepared(check),
      environment: options.nativeEnvironment,
      maxHeapBytes: options.maxHeapBytesPerWorker,
      maxResidentBytes: maxBytes,
      maxIdleBytes: budgetBytes + options.engineAllowanceBytes,
      logger: options.logger,
    }),
    async prepare() {
      [sandbox, { checkMessage: check }] = await Promise.all([
        findSandbox({ maxDataBytes: maxBytes }),
        import('./check-message.js'),
        settings.prepare(),
      ]);
      const { network, maxDataBytes, diesWithParent } = sandbox;
      const missing = [
        ...(network === 'none' ? [] : ['workers keep the network of the server']),
        ...(maxDataBytes === null ? ['the kernel does not limit their memory'] : []),
        ...(diesWithParent ? [] : ['a worker in native code may outlive a server that is killed']),
      ];
      if (missing.length > 0) {
        options.logger.warn({ missing }, 'this machine cannot put up every wall around inference workers');
      }
    },
    walls: () => ({
      ownMemory: true,
      networkCutOff: sandbox?.network === 'none',
      environmentHidden: true,
      memoryLimitBytes: sandbox?.maxDataBytes ?? null,
    }),
  });
}
