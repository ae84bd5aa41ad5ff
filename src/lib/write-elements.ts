/**
 * One writer per datatype: puts JSON values into a typed array. Writers take a whole row (the innermost list), so
 * that the loop over elements is one tight loop per datatype, without a call or an allocation for each element.
 */
import { toFloat16Bits } from './float16.js';
import type { Datatype } from './tensor.js';

export type FixedDatatype = Exclude<Datatype, 'BYTES'>;

type Elements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export interface ElementWriter {
  /** Row-major little-endian bytes of all elements: this server runs on little-endian machines only. */
  readonly bytes: Uint8Array;
  /** Writes `row` from element `at` on. Returns -1, or the index of the first value in the row that does not fit. */
  writeRow(row: readonly unknown[], at: number): number;
}

const NON_FINITE: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** Inclusive bounds of the integers that a JSON number can carry exactly. */
const INTEGER_BOUNDS = {
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
  UINT32: [0, 0xffffffff],
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  INT32: [-0x80000000, 0x7fffffff],
} as const;

const INT64_BOUNDS = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
} as const;

const INTEGER_TEXT = /^-?\d{1,20}$/;
const MAX_FLOAT16 = 65_520;

/** A writer for `count` elements of a datatype of fixed width. */
export function createElementWriter(datatype: FixedDatatype, count: number): ElementWriter {
  switch (datatype) {
    case 'FP32': {
      const out = new Float32Array(count);
      return writer(out, (row, at) => writeFloats(out, row, at));
    }
    case 'FP64': {
      const out = new Float64Array(count);
      return writer(out, (row, at) => writeFloats(out, row, at));
    }
    case 'FP16': {
      const out = new Uint16Array(count);
      return writer(out, (row, at) => writeHalves(out, row, at));
    }
    case 'BOOL': {
      const out = new Uint8Array(count);
      return writer(out, (row, at) => writeBooleans(out, row, at));
    }
    case 'INT64': {
      const out = new BigInt64Array(count);
      return writer(out, (row, at) => writeLongs(out, INT64_BOUNDS.INT64, row, at));
    }
    case 'UINT64': {
      const out = new BigUint64Array(count);
      return writer(out, (row, at) => writeLongs(out, INT64_BOUNDS.UINT64, row, at));
    }
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
    case 'INT8':
    case 'INT16':
    case 'INT32': {
      const out = integers(datatype, count);
      const [min, max] = INTEGER_BOUNDS[datatype];
      return writer(out, (row, at) => writeIntegers(out, min, max, row, at));
    }
  }
}

/** What a value of the datatype looks like, for a message. */
export function expectedElement(datatype: Datatype): string {
  switch (datatype) {
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return `a number in the range of ${datatype}, or "NaN", "Infinity" or "-Infinity"`;
    case 'BOOL':
      return 'true or false';
    case 'BYTES':
      return 'a string';
    case 'INT64':
    case 'UINT64':
      return `a whole number in the range of ${datatype} (as a string beyond 2^53)`;
    default:
      return `a whole number from ${INTEGER_BOUNDS[datatype][0]} to ${INTEGER_BOUNDS[datatype][1]}`;
  }
}

function integers(datatype: keyof typeof INTEGER_BOUNDS, count: number) {
  switch (datatype) {
    case 'UINT8':
      return new Uint8Array(count);
    case 'UINT16':
      return new Uint16Array(count);
    case 'UINT32':
      return new Uint32Array(count);
    case 'INT8':
      return new Int8Array(count);
    case 'INT16':
      return new Int16Array(count);
    case 'INT32':
      return new Int32Array(count);
  }
}

function writer(out: Elements, writeRow: ElementWriter['writeRow']): ElementWriter {
  return { bytes: new Uint8Array(out.buffer, out.byteOffset, out.byteLength), writeRow };
}

function writeFloats(out: Float32Array | Float64Array, row: readonly unknown[], at: number): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === 'number') {
      out[at + i] = value;
      // 1e300 as FP32, or 1e999 in the JSON text: out of range, and must not become an infinity unnoticed.
      if (!Number.isFinite(out[at + i])) return i;
    } else {
      const special = nonFinite(value);
      if (special === undefined) return i;
      out[at + i] = special;
    }
  }
  return -1;
}

function writeHalves(out: Uint16Array, row: readonly unknown[], at: number): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    const number = typeof value === 'number' && Math.abs(value) < MAX_FLOAT16 ? value : nonFinite(value);
    if (number === undefined) return i;
    out[at + i] = toFloat16Bits(number);
  }
  return -1;
}

function writeIntegers(
  out: Exclude<Elements, BigInt64Array | BigUint64Array>,
  min: number,
  max: number,
  row: readonly unknown[],
  at: number,
): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) return i;
    out[at + i] = value;
  }
  return -1;
}

function writeLongs(
  out: BigInt64Array | BigUint64Array,
  [min, max]: readonly [bigint, bigint],
  row: readonly unknown[],
  at: number,
): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    // A number beyond 2^53 may have been rounded by whoever wrote or parsed the JSON: only a string is sure.
    const isWhole = typeof value === 'number' ? Number.isSafeInteger(value) : isIntegerText(value);
    if (!isWhole) return i;
    const long = BigInt(value as number | string);
    if (long < min || long > max) return i;
    out[at + i] = long;
  }
  return -1;
}

function writeBooleans(out: Uint8Array, row: readonly unknown[], at: number): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (value === true || value === 1) out[at + i] = 1;
    else if (value !== false && value !== 0) return i;
  }
  return -1;
}

function nonFinite(value: unknown): number | undefined {
  return typeof value === 'string' && Object.hasOwn(NON_FINITE, value) ? NON_FINITE[value] : undefined;
}

/** Whether a text is a whole number as INT64 and UINT64 take them. */
export function isIntegerText(value: unknown): value is string {
  return typeof value === 'string' && INTEGER_TEXT.test(value);
}

/** Whether a text is one of the three numbers that JSON does not have. */
export function isNonFiniteText(value: unknown): value is string {
  return nonFinite(value) !== undefined;
}
