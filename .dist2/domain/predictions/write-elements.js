import { toFloat16Bits } from "../../lib/float16.js";
const NON_FINITE = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const INTEGER_BOUNDS = {
  UINT8: [0, 255],
  UINT16: [0, 65535],
  UINT32: [0, 4294967295],
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  INT32: [-2147483648, 2147483647]
};
const INT64_BOUNDS = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n]
};
const INTEGER_TEXT = /^-?\d{1,20}$/;
const MAX_FLOAT16 = 65520;
function createElementWriter(datatype, count) {
  switch (datatype) {
    case "FP32": {
      const out = new Float32Array(count);
      return writer(out, (row, at) => writeFloats(out, row, at));
    }
    case "FP64": {
      const out = new Float64Array(count);
      return writer(out, (row, at) => writeFloats(out, row, at));
    }
    case "FP16": {
      const out = new Uint16Array(count);
      return writer(out, (row, at) => writeHalves(out, row, at));
    }
    case "BOOL": {
      const out = new Uint8Array(count);
      return writer(out, (row, at) => writeBooleans(out, row, at));
    }
    case "INT64": {
      const out = new BigInt64Array(count);
      return writer(out, (row, at) => writeLongs(out, INT64_BOUNDS.INT64, row, at));
    }
    case "UINT64": {
      const out = new BigUint64Array(count);
      return writer(out, (row, at) => writeLongs(out, INT64_BOUNDS.UINT64, row, at));
    }
    case "UINT8":
    case "UINT16":
    case "UINT32":
    case "INT8":
    case "INT16":
    case "INT32": {
      const out = integers(datatype, count);
      const [min, max] = INTEGER_BOUNDS[datatype];
      return writer(out, (row, at) => writeIntegers(out, min, max, row, at));
    }
  }
}
function expectedElement(datatype) {
  switch (datatype) {
    case "FP16":
    case "FP32":
    case "FP64":
      return `a number in the range of ${datatype}, or "NaN", "Infinity" or "-Infinity"`;
    case "BOOL":
      return "true or false";
    case "BYTES":
      return "a string";
    case "INT64":
    case "UINT64":
      return `a whole number in the range of ${datatype} (as a string beyond 2^53)`;
    default:
      return `a whole number from ${INTEGER_BOUNDS[datatype][0]} to ${INTEGER_BOUNDS[datatype][1]}`;
  }
}
function integers(datatype, count) {
  switch (datatype) {
    case "UINT8":
      return new Uint8Array(count);
    case "UINT16":
      return new Uint16Array(count);
    case "UINT32":
      return new Uint32Array(count);
    case "INT8":
      return new Int8Array(count);
    case "INT16":
      return new Int16Array(count);
    case "INT32":
      return new Int32Array(count);
  }
}
function writer(out, writeRow) {
  return { bytes: new Uint8Array(out.buffer, out.byteOffset, out.byteLength), writeRow };
}
function writeFloats(out, row, at) {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === "number") {
      out[at + i] = value;
      if (!Number.isFinite(out[at + i])) return i;
    } else {
      const special = nonFinite(value);
      if (special === void 0) return i;
      out[at + i] = special;
    }
  }
  return -1;
}
function writeHalves(out, row, at) {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    const number = typeof value === "number" && Math.abs(value) < MAX_FLOAT16 ? value : nonFinite(value);
    if (number === void 0) return i;
    out[at + i] = toFloat16Bits(number);
  }
  return -1;
}
function writeIntegers(out, min, max, row, at) {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) return i;
    out[at + i] = value;
  }
  return -1;
}
function writeLongs(out, [min, max], row, at) {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    const isWhole = typeof value === "number" ? Number.isSafeInteger(value) : isIntegerText(value);
    if (!isWhole) return i;
    const long = BigInt(value);
    if (long < min || long > max) return i;
    out[at + i] = long;
  }
  return -1;
}
function writeBooleans(out, row, at) {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (value === true || value === 1) out[at + i] = 1;
    else if (value !== false && value !== 0) return i;
  }
  return -1;
}
function nonFinite(value) {
  return typeof value === "string" && Object.hasOwn(NON_FINITE, value) ? NON_FINITE[value] : void 0;
}
function isIntegerText(value) {
  return typeof value === "string" && INTEGER_TEXT.test(value);
}
function isNonFiniteText(value) {
  return nonFinite(value) !== void 0;
}
export {
  createElementWriter,
  expectedElement,
  isIntegerText,
  isNonFiniteText
};
//# sourceMappingURL=write-elements.js.map
