/** What the reading of a dataset is asked and what it answers. Plain data: it crosses a process border. */
import type { Refusal } from '../../lib/result.js';
import type { TensorSpec } from '../../lib/tensor.js';
import { IMPORT_REFUSAL_CODES } from '../types.js';

export const DATASET_FORMATS = ['CSV', 'NPZ', 'IMAGES'] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

export const IMAGE_COLORS = ['AS_IS', 'GREY', 'RGB'] as const;
export type ImageColor = (typeof IMAGE_COLORS)[number];

/** How a file is to be read; `null`: found out from the file. */
export interface DatasetOptions {
  /** The column or array with the labels. */
  readonly labelColumn: string | null;
  /** The columns or arrays with the features, in this order. */
  readonly columns: readonly string[] | null;
  /** Between the cells of a CSV file: one character. */
  readonly delimiter: string | null;
  /** Pictures are stretched to this size; both or none. */
  readonly width: number | null;
  readonly height: number | null;
  readonly color: ImageColor;
}

export const DATASET_OPTION_NAMES = ['labelColumn', 'columns', 'delimiter', 'width', 'color'] as const;
export type DatasetOptionName = (typeof DATASET_OPTION_NAMES)[number];

export interface DatasetRequest {
  /** The uploaded bytes, on a path of ours. */
  readonly sourcePath: string;
  /** An empty directory that the child may write to: the canonical form is left there. */
  readonly workDirectory: string;
  readonly options: DatasetOptions;
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
}

/** A feature; `shape` is that of one row. */
export type DatasetColumn = TensorSpec;

export interface ClassCount {
  readonly label: string;
  readonly count: number;
}

export const LABEL_KINDS = ['NUMBER', 'TEXT'] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];

export interface DatasetReport {
  readonly format: DatasetFormat;
  readonly rows: number;
  readonly columns: readonly DatasetColumn[];
  readonly labelKind: LabelKind;
  /** In order: by number when all are whole numbers, else by text; `null` when the labels are measures or too many. */
  readonly classes: readonly ClassCount[] | null;
  /** What was narrowed, ignored or assumed, in full sentences. */
  readonly findings: readonly string[];
}

/** The canonical form that a child left, looked at by its parent. */
export interface ReadDataset extends DatasetReport {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hex. */
  readonly digest: string;
}

/** INVALID_OPTION: what was asked does not fit the file; `subject` names the option. */
export const DATASET_REFUSAL_CODES = [...IMPORT_REFUSAL_CODES, 'INVALID_OPTION'] as const;
export type DatasetRefusalCode = (typeof DATASET_REFUSAL_CODES)[number];

export type DatasetRefusal = Refusal<DatasetRefusalCode> & { readonly subject: string | null };
