/** Imports bytes through the real child process, in a temporary directory that is removed again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeName } from '../../src/inference/index.js';
import type {
  Importer,
  ImportProgress,
  ImportRefusal,
  ImportReport,
  ImportSample,
} from '../../src/importers/index.js';
import { createRuntime, type LoadedModel, type Runtime } from '../../src/inference/worker/runtimes/index.js';
import type { Result } from '../../src/lib/result.js';
import type { Tensor } from '../../src/lib/tensor.js';

export interface ImportOptions {
  readonly runtimes?: readonly RuntimeName[];
  readonly sample?: ImportSample;
  readonly timeoutMs?: number;
  readonly maxMemoryBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface Imported {
  readonly result: Result<ImportReport, ImportRefusal>;
  readonly pack: Uint8Array | null;
  /** Names that the child left in its work directory. */
  readonly left: readonly string[];
}

export async function importBytes(
  importer: Importer,
  bytes: Uint8Array,
  options: ImportOptions = {},
): Promise<Imported> {
  const directory = mkdtempSync(join(tmpdir(), 'souk-import-'));
  try {
    const artifactPath = join(directory, 'artifact');
    const workDirectory = mkdtempSync(join(directory, 'work-'));
    writeFileSync(artifactPath, bytes);
    const result = await importer.importArtifact(
      {
        artifactPath,
        workDirectory,
        runtimes: options.runtimes ?? ['tfjs-wasm'],
        ...(options.sample === undefined ? {} : { sample: options.sample }),
        timeoutMs: options.timeoutMs ?? 60_000,
        maxMemoryBytes: options.maxMemoryBytes ?? 2 ** 31,
      },
      options.onProgress ?? (() => undefined),
      options.signal,
    );
    const pack = result.ok ? readFileSync(result.value.packPath) : null;
    return { result, pack, left: readdirSync(workDirectory) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Fails the test with the refusal's words when the import was refused. */
export function reportOf({ result }: Imported): ImportReport {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

export function refusalOf({ result }: Imported): ImportRefusal {
  if (result.ok) throw new Error(`It was imported as ${result.value.format}.`);
  return result.error;
}

export interface Engines {
  load(name: RuntimeName, pack: Uint8Array): Promise<LoadedModel>;
}

/** The engines in the test's own process, each started once. */
export function createEngines(): Engines {
  const runtimes = new Map<RuntimeName, Runtime>();
  return {
    async load(name, pack) {
      let runtime = runtimes.get(name);
      if (runtime === undefined) {
        runtime = createRuntime(name);
        await runtime.start();
        runtimes.set(name, runtime);
      }
      return runtime.load(pack);
    },
  };
}

/** A tensor as the `*.io.json` fixtures hold it: named and flat, or nested lists. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Nested = number | readonly Nested[];

export function valuesOf(nested: Nested): Values {
  const shape: number[] = [];
  for (let at = nested; Array.isArray(at); at = at[0] as Nested) shape.push(at.length);
  return { shape, data: ([nested] as unknown[]).flat(Infinity as 1) as number[] };
}

export function tensorOf(name: string, datatype: Tensor['datatype'], values: Values): Tensor {
  const typed = datatype === 'INT32' ? Int32Array.from(values.data) : Float32Array.from(values.data);
  return { name, datatype, shape: values.shape, data: new Uint8Array(typed.buffer) };
}

export function numbersOf(tensor: Tensor): number[] {
  return [...new Float32Array(tensor.data.slice().buffer)];
}
