/** NumPy's archives: one `.npy` file an array. */
import { fromFloat16Bits } from '../../lib/float16.js';
import type { Archive } from '../archive.js';
import { bufferSource, type ByteSource } from '../byte-source.js';
import { refuseImport } from '../refused.js';
import type { AnyColumn } from './canonical.js';
import { chooseColumns } from './choose-columns.js';
import type { Findings } from './findings.js';
import { labelsFromNumbers, labelsFromTexts, type Labels } from './labels.js';
import { DATASET_LIMITS } from './limits.js';
import { readNpyElements, readNpyHeader, readNpyTexts, type NpyHeader } from './npy.js';
import { listed } from './refused.js';
import type { DatasetOptions } from './types.js';

export interface Table {
  readonly rows: number;
  readonly columns: readonly AnyColumn[];
  readonly labels: Labels;
}

interface NpyArray {
  readonly name: string;
  readonly source: ByteSource;
  readonly header: NpyHeader;
}

/** @throws Refused, OptionRefused */
export function readNpz(archive: Archive, options: DatasetOptions, findings: Findings): Table {
  const sources = new Map(
    [...archive.files].map(([file, source]) => [file.replace(/\.npy$/i, ''), source] as const),
  );
  const chosen = chooseColumns([...sources.keys()], options);
  if (chosen.ignored.length > 0) {
    findings.add(`The labels are "${chosen.label}"; ${listed(chosen.ignored)} in the archive are not used.`);
  }
  const arrayOf = (name: string): NpyArray => {
    const source = sources.get(name) ?? bufferSource(new Uint8Array());
    return { name, source, header: readNpyHeader(source, name) };
  };
  const label = arrayOf(chosen.label);
  const rows = label.header.shape[0] ?? 0;
  if (rows < 1) refuseImport('CORRUPT_ARTIFACT', label.name, `"${label.name}" holds no labels.`);
  if (rows > DATASET_LIMITS.maxRows) {
    refuseImport(
      'LIMIT_EXCEEDED',
      label.name,
      `There are ${rows} rows; at most ${DATASET_LIMITS.maxRows} are read.`,
    );
  }
  const columns = chosen.features.map((name) => columnOf(arrayOf(name), rows, label.name));
  return { rows, columns, labels: labelsOf(label, rows, findings) };
}

function columnOf({ name, source, header }: NpyArray, rows: number, labelName: string): AnyColumn {
  const [first, ...shape] = header.shape;
  if (first !== rows || shape.includes(0)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      name,
      `"${name}" has the shape [${header.shape.join(', ')}], but "${labelName}" labels ${rows} rows.`,
    );
  }
  if (header.datatype !== null) {
    return { name, datatype: header.datatype, shape, chunks: () => [readNpyElements(source, header)] };
  }
  if (shape.some((dimension) => dimension !== 1)) {
    refuseImport('UNSUPPORTED_TENSOR', name, `"${name}" holds several texts a row; one is read.`);
  }
  return { name, texts: readNpyTexts(source, header, name) };
}

function labelsOf({ name, source, header }: NpyArray, rows: number, findings: Findings): Labels {
  const width = header.shape.slice(1).reduce((product, one) => product * one, 1);
  if (header.datatype === null) {
    if (width !== 1) refuseShape(name, header.shape);
    return labelsFromTexts(readNpyTexts(source, header, name), findings);
  }
  const values = numbersOf(readNpyElements(source, header), header, name);
  if (width === 1) return labelsFromNumbers(values, findings);
  if (header.shape.length !== 2 || width < 1) refuseShape(name, header.shape);
  findings.add(`"${name}" is one-hot with ${width} columns: the label is the number of the column, from 0.`);
  return labelsFromNumbers(
    Float64Array.from({ length: rows }, (_, row) =>
      oneHot(values.subarray(row * width, (row + 1) * width), name, header.shape),
    ),
    findings,
  );
}

function oneHot(row: Float64Array, name: string, shape: readonly number[]): number {
  const at = row.indexOf(1);
  if (at < 0 || row.some((value, index) => value !== (index === at ? 1 : 0))) refuseShape(name, shape);
  return at;
}

function refuseShape(name: string, shape: readonly number[]): never {
  return refuseImport(
    'UNSUPPORTED_TENSOR',
    name,
    `"${name}" has the shape [${shape.join(', ')}]; labels have one value a row, or are one-hot: a single 1 among zeros.`,
  );
}

/** Elements as numbers. 64-bit integers beyond 2^53 are refused: as numbers they would be others. */
function numbersOf(bytes: Uint8Array, { datatype, itemBytes }: NpyHeader, name: string): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = (value: bigint): number => {
    if (BigInt.asIntN(54, value) === value) return Number(value);
    return refuseImport('UNSUPPORTED_TENSOR', name, `"${name}" holds ${value}; labels lie within 2^53.`);
  };
  const read: Readonly<Record<string, (at: number) => number>> = {
    BOOL: (at) => (view.getUint8(at) === 0 ? 0 : 1),
    UINT8: (at) => view.getUint8(at),
    INT8: (at) => view.getInt8(at),
    UINT16: (at) => view.getUint16(at, true),
    INT16: (at) => view.getInt16(at, true),
    UINT32: (at) => view.getUint32(at, true),
    INT32: (at) => view.getInt32(at, true),
    UINT64: (at) => wide(view.getBigUint64(at, true)),
    INT64: (at) => wide(view.getBigInt64(at, true)),
    FP16: (at) => fromFloat16Bits(view.getUint16(at, true)),
    FP32: (at) => view.getFloat32(at, true),
    FP64: (at) => view.getFloat64(at, true),
  };
  const one = read[datatype ?? ''];
  if (one === undefined) throw new Error(`${datatype} has no reader.`);
  return Float64Array.from({ length: bytes.length / itemBytes }, (_, index) => one(index * itemBytes));
}
