import {
  chooseEngine,
  type EngineTrial,
  type ImportReport,
  type ModelFormat,
} from '../../importers/index.js';
import type { RuntimeName } from '../../inference/index.js';
import { DEFAULT_SIGNATURE, type NamedSignature, type Signature } from '../../lib/tensor.js';
import type { Metric } from './metrics.js';

/** One immutable artifact of a model, numbered 1, 2, 3… It exists only after its import succeeded. */
export interface Version {
  /** Starts with `ver_`. */
  readonly id: string;
  /** The owner of the model. */
  readonly tenantId: string;
  readonly modelId: string;
  readonly number: number;
  readonly format: ModelFormat;
  readonly producer: string | null;
  /** SHA-256 of the artifact as it was uploaded, lower-case hex. */
  readonly digest: string;
  readonly bytes: number;
  /** SHA-256 of the pack that workers load, lower-case hex. */
  readonly packDigest: string;
  readonly packBytes: number;
  /** Answers when a prediction names none: the first of `signatures`. */
  readonly signature: Signature;
  readonly signatures: readonly NamedSignature[];
  readonly runtime: RuntimeName;
  /** Requests may share a run: the import has shown that each row comes out as it does alone. */
  readonly batchable: boolean;
  readonly trials: readonly EngineTrial[];
  readonly parameterCount: number;
  readonly weightBytes: number;
  readonly operations: ImportReport['operations'];
  /** What the import narrowed, ignored or assumed, in full sentences. */
  readonly findings: readonly string[];
  readonly notes: string;
  /** Id of the version that it was made from; whether it may be seen is asked when it is read. */
  readonly derivedFrom: string | null;
  readonly metrics: readonly Metric[];
  /** Id of the user or API key. */
  readonly createdBy: string | null;
  readonly createdAt: Date;
}

/** Where the artifact of a version is served, relative to the server's root. */
export function artifactPath(version: Pick<Version, 'id'>): string {
  return `/artifacts/${version.id}`;
}

const ZIP_START = 'PK';
const GZIP_START = '\u001f\u008b';

/**
 * What a downloaded artifact is called: `owner-model-v3.h5`. Slugs and names are made of lower-case letters,
 * digits and dashes; whatever else should come is replaced, since the name goes into a header.
 */
export function artifactFileName(
  owner: string,
  model: string,
  version: Pick<Version, 'number' | 'format'>,
  firstBytes: Uint8Array,
): string {
  const safe = `${owner}-${model}`.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return `${safe}-v${version.number}.${extensionOf(version.format, firstBytes)}`;
}

function extensionOf(format: ModelFormat, firstBytes: Uint8Array): string {
  if (format === 'KERAS_H5') return 'h5';
  if (format === 'KERAS_V3') return 'keras';
  if (format === 'ONNX') return 'onnx';
  const start = Buffer.from(firstBytes.subarray(0, 2)).toString('latin1');
  if (start === ZIP_START) return 'zip';
  return start === GZIP_START ? 'tar.gz' : 'tar';
}

/**
 * The engine that serves a version here and now: the recorded one, or, where it may not or cannot run any
 * more, the fastest of those that agreed with it in the trial. The recorded one when there is none: the pool
 * then says why it cannot run.
 */
export function servingEngine(
  version: Pick<Version, 'runtime' | 'trials'>,
  available: readonly RuntimeName[],
): RuntimeName {
  if (available.includes(version.runtime)) return version.runtime;
  const ranked = available.flatMap((name) => version.trials.filter((trial) => trial.runtime === name));
  return chooseEngine(ranked)?.runtime ?? version.runtime;
}

/** As the table keeps them; a version from before there could be several has the one. */
export function signaturesFromJson(
  json: unknown,
  only: { readonly signature: Signature; readonly batchable: boolean },
): readonly NamedSignature[] {
  const signatures = json as readonly NamedSignature[];
  return signatures.length > 0 ? signatures : [{ name: DEFAULT_SIGNATURE, ...only }];
}

/** As the table keeps them. Older versions lack the figures that were not measured then. */
export function trialsFromJson(json: unknown): readonly EngineTrial[] {
  return (json as readonly Omit<EngineTrial, 'batchComputeMs' | 'memoryBytes' | 'comparedInputs'>[]).map(
    (trial) => ({
      batchComputeMs: null,
      memoryBytes: null,
      comparedInputs: null,
      ...trial,
    }),
  );
}
