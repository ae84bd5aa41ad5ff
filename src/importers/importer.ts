/** Who gets a turn: imports are heavy, so few run at once and few may wait. */
import { refuse, type Result } from '../lib/result.js';
import { runChild } from './child-process.js';
import { jailOnce, type ImportWalls, type Jail } from './jail.js';
import type { ImportProgress, ImportRefusal, ImportReport, ImportRequest } from './types.js';

export interface ImporterDeps {
  /** Imports at once; each may take the request's whole memory limit. Default 1. */
  readonly maxConcurrentImports?: number;
  /** Imports that may wait for a turn; further ones are refused. Default 16. */
  readonly maxQueuedImports?: number;
  /** What is put around each child. Shared by those who run children, since finding it takes a moment. */
  readonly jail?: () => Promise<Jail>;
}

export interface Importer {
  /**
   * Reads, checks, converts and tries a model file in a throw-away child process. Whatever happens to the
   * child, the answer is a report or a refusal. The work directory is the caller's to remove.
   * @param onProgress called while it runs; never after the answer
   * @param signal ends a waiting or running import with IMPORT_CANCELLED
   */
  importArtifact(
    request: ImportRequest,
    onProgress: (progress: ImportProgress) => void,
    signal?: AbortSignal,
  ): Promise<Result<ImportReport, ImportRefusal>>;
  /** What stands around each import on this machine; examined at the first question, which takes some 0.2 s. */
  walls(): Promise<ImportWalls>;
  /** Ends running and waiting imports with IMPORT_CANCELLED and resolves when no child is left. */
  stop(): Promise<void>;
}

/** Lets few children run at once and few wait. `ImportRefusal` says that there was no turn. */
export interface Turnstile {
  run<T>(
    signal: AbortSignal | undefined,
    work: (jail: Jail, ended: AbortSignal) => Promise<T>,
  ): Promise<T | { readonly ok: false; readonly error: ImportRefusal }>;
  /** Ends what runs and waits, and resolves when nothing runs. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly start: () => void;
  readonly drop: () => void;
}

export function createImporter(deps: ImporterDeps = {}): Importer {
  const jail = deps.jail ?? jailOnce();
  const turnstile = createTurnstile({ ...deps, jail });
  return Object.freeze({
    importArtifact: (
      request: ImportRequest,
      onProgress: (progress: ImportProgress) => void,
      signal?: AbortSignal,
    ) => turnstile.run(signal, (around, ended) => runChild(request, around, onProgress, ended)),
    walls: async () => (await jail()).walls,
    stop: turnstile.stop,
  });
}

export function createTurnstile(deps: ImporterDeps = {}): Turnstile {
  const maxConcurrent = deps.maxConcurrentImports ?? 1;
  const maxQueued = deps.maxQueuedImports ?? 16;
  const waiting = new Set<Waiting>();
  const running = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  const jail = deps.jail ?? jailOnce();
  // Turns taken; counted at the moment of the decision, before anything is awaited.
  let active = 0;

  function turn(signal: AbortSignal): Promise<'go' | 'gone' | 'full'> {
    if (active < maxConcurrent) {
      active++;
      return Promise.resolve('go');
    }
    if (waiting.size >= maxQueued) return Promise.resolve('full');
    return new Promise((resolve) => {
      const entry: Waiting = {
        start: () => {
          signal.removeEventListener('abort', entry.drop);
          waiting.delete(entry);
          resolve('go');
        },
        drop: () => {
          waiting.delete(entry);
          resolve('gone');
        },
      };
      waiting.add(entry);
      signal.addEventListener('abort', entry.drop, { once: true });
    });
  }

  /** Hands the turn to who waits longest (a Set keeps the order of arrival), or gives it back. */
  function passTurn(): void {
    const [next] = waiting;
    if (next === undefined) active--;
    else next.start();
  }

  return Object.freeze({
    async run<T>(signal: AbortSignal | undefined, work: (jail: Jail, ended: AbortSignal) => Promise<T>) {
      const ended = AbortSignal.any(signal === undefined ? [stopping.signal] : [stopping.signal, signal]);
      if (ended.aborted) return refuse(cancelled());
      const outcome = await turn(ended);
      if (outcome === 'full') return refuse(queueFull(maxQueued));
      if (outcome === 'gone') return refuse(cancelled());
      const run = jail().then((around) => work(around, ended));
      running.add(run);
      try {
        return await run;
      } finally {
        running.delete(run);
        passTurn();
      }
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled([...running]);
    },
  });
}

function cancelled(): ImportRefusal {
  return { code: 'IMPORT_CANCELLED', message: 'The import was cancelled.', subject: null };
}

function queueFull(maxQueued: number): ImportRefusal {
  return {
    code: 'IMPORT_QUEUE_FULL',
    message: `${maxQueued} imports are waiting already; try again in a minute.`,
    subject: null,
  };
}
