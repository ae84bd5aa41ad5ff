import { ok, refuse } from "../../lib/result.js";
import { bytesPerElement, elementCount } from "../../lib/tensor.js";
import { invalidInput } from "./errors.js";
import { MAX_RANK } from "./limits.js";
import { createElementWriter, expectedElement, isIntegerText, isNonFiniteText } from "./write-elements.js";
function isScalarText(data, datatype) {
  if (datatype === "FP16" || datatype === "FP32" || datatype === "FP64") return isNonFiniteText(data);
  return (datatype === "INT64" || datatype === "UINT64") && isIntegerText(data);
}
function nestingOf(data) {
  const lengths = [];
  for (let at = data; Array.isArray(at) && lengths.length <= MAX_RANK; at = at[0]) lengths.push(at.length);
  return lengths;
}
function readJson(data, datatype, lists, path) {
  const rows = lists.length === 0 ? [data] : data;
  const lengths = lists.length === 0 ? [1] : lists;
  const count = elementCount(lengths);
  const sink = datatype === "BYTES" ? createTextWriter() : createElementWriter(datatype, count);
  let at = 0;
  function walk(value, depth) {
    const length = lengths[depth];
    if (!Array.isArray(value) || value.length !== length) {
      const found = Array.isArray(value) ? `a list of ${value.length}` : kindOf(value);
      return {
        indices: [],
        message: `The lists are ragged: expected a list of ${length} here, found ${found}.`
      };
    }
    const list = value;
    if (depth === lengths.length - 1) {
      const wrong = sink.writeRow(list, at);
      at += length;
      if (wrong < 0) return null;
      const message = `Expected ${expectedElement(datatype)}; found ${kindOf(list[wrong])}.`;
      return { indices: lists.length === 0 ? [] : [wrong], message };
    }
    for (let i = 0; i < length; i++) {
      const mistake2 = walk(list[i], depth + 1);
      if (mistake2 !== null) return { ...mistake2, indices: [i, ...mistake2.indices] };
    }
    return null;
  }
  const mistake = walk(rows, 0);
  if (mistake === null) return ok(sink.bytes);
  return refuse(invalidInput([...path, ...mistake.indices.map(String)], mistake.message));
}
function readBase64(text, datatype, count, path) {
  const size = bytesPerElement(datatype);
  const length = base64Length(text);
  if (length === null) return refuse(notBase64(path));
  if (size !== null && length !== count * size) {
    return refuse(
      invalidInput(
        path,
        `The base64 holds ${length} bytes; ${count} elements of ${datatype} are ${count * size} bytes.`
      )
    );
  }
  const bytes = new Uint8Array(length);
  if (Buffer.from(bytes.buffer).write(text, "base64") !== length) return refuse(notBase64(path));
  if (datatype === "BOOL" && bytes.some((byte) => byte > 1)) {
    return refuse(invalidInput(path, "A BOOL element is one byte, 0 or 1."));
  }
  if (datatype === "BYTES" && !holdsElements(bytes, count)) {
    return refuse(
      invalidInput(
        path,
        `The base64 does not hold ${count} BYTES elements, each a little-endian uint32 length and its bytes.`
      )
    );
  }
  return ok(bytes);
}
function base64Length(text) {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return text.length / 4 * 3 - padding;
}
function notBase64(path) {
  return invalidInput(path, "The text is not valid base64 (standard alphabet, padded, no line breaks).");
}
function holdsElements(bytes, count) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) return false;
    at += 4 + view.getUint32(at, true);
  }
  return at === bytes.length;
}
function createTextWriter() {
  const parts = [];
  return {
    get bytes() {
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      const bytes = new Uint8Array(total);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
    writeRow(row) {
      for (let i = 0; i < row.length; i++) {
        const value = row[i];
        if (typeof value !== "string") return i;
        const length = Buffer.byteLength(value, "utf8");
        const part = Buffer.allocUnsafe(4 + length);
        part.writeUInt32LE(length, 0);
        part.write(value, 4, "utf8");
        parts.push(part);
      }
      return -1;
    }
  };
}
const MAX_QUOTED = 40;
function kindOf(value) {
  if (value === null || value === void 0) return "null";
  if (typeof value === "string")
    return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}\u2026` : value);
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
export {
  base64Length,
  isScalarText,
  nestingOf,
  readBase64,
  readJson
};
//# sourceMappingURL=read-elements.js.map
