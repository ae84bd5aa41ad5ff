import type { ClassCount, DatasetColumn, DatasetFormat, LabelKind } from '../../importers/index.js';

/** Labelled rows, immutable, private to its tenant. */
export interface Dataset {
  /** Starts with `dst_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly format: DatasetFormat;
  /** SHA-256 of the canonical form, lower-case hex: the same data has the same, whatever it is called. */
  readonly digest: string;
  readonly bytes: number;
  /** SHA-256 of the file that it was read from. */
  readonly sourceDigest: string;
  readonly sourceBytes: number;
  readonly rows: number;
  readonly columns: readonly DatasetColumn[];
  readonly labelKind: LabelKind;
  /** `null` when the labels are measures, or too many to be classes. */
  readonly classes: readonly ClassCount[] | null;
  readonly findings: readonly string[];
  /** Id of the user or API key. */
  readonly createdBy: string | null;
  readonly createdAt: Date;
}

export interface DatasetLimits {
  /** Per tenant. */
  readonly maxDatasets: number;
  /** Per tenant: their canonical forms together. */
  readonly maxBytes: number;
  readonly readTimeoutMs: number;
  readonly readMaxMemoryBytes: number;
  /** Per tenant and process: requests that read a dataset or wait to. */
  readonly maxReadings: number;
}

export const DEFAULT_DATASET_LIMITS: DatasetLimits = Object.freeze({
  maxDatasets: 500,
  maxBytes: 20 * 1024 ** 3,
  readTimeoutMs: 60_000,
  readMaxMemoryBytes: 4 * 1024 ** 3,
  maxReadings: 4,
});
