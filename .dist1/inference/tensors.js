import { bytesPerElement, elementCount } from "../lib/tensor.js";
const VIEWERS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array
};
function toTypedArray(datatype, data) {
  const width = bytesPerElement(datatype) ?? 1;
  if (data.byteLength % width !== 0) {
    throw new RangeError(`${data.byteLength} bytes are not a whole number of ${datatype} elements.`);
  }
  const aligned = data.byteOffset % width === 0 ? data : new Uint8Array(data);
  return new VIEWERS[datatype](aligned.buffer, aligned.byteOffset, aligned.byteLength / width);
}
function toBytes(array) {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
const LENGTH_BYTES = 4;
function encodeBytesElements(elements) {
  const total = elements.reduce((sum, element) => sum + LENGTH_BYTES + element.byteLength, 0);
  const encoded = new Uint8Array(total);
  const view = new DataView(encoded.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    encoded.set(element, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + element.byteLength;
  }
  return encoded;
}
function decodeBytesElements(data) {
  const elements = [];
  for (let offset = 0; offset < data.byteLength; ) {
    const end = endOfElement(data, offset);
    elements.push(data.subarray(offset + LENGTH_BYTES, end));
    offset = end;
  }
  return elements;
}
function endOfElement(data, offset) {
  const start = offset + LENGTH_BYTES;
  if (start > data.byteLength) throw new RangeError("A BYTES tensor is cut short inside a length.");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const end = start + view.getUint32(offset, true);
  if (end > data.byteLength) throw new RangeError("A BYTES tensor is cut short inside an element.");
  return end;
}
function concatOnBatchAxis(tensors) {
  const [first] = tensors;
  if (first === void 0) throw new RangeError("There is nothing to join.");
  const rowShape = first.shape.slice(1);
  let rows = 0;
  let bytes = 0;
  for (const tensor of tensors) {
    const [batch, ...rest] = tensor.shape;
    if (batch === void 0 || tensor.name !== first.name || tensor.datatype !== first.datatype || !sameShape(rest, rowShape)) {
      throw new RangeError(
        `Tensor ${tensor.name} ${tensor.datatype} [${tensor.shape.join(", ")}] cannot be joined.`
      );
    }
    rows += batch;
    bytes += tensor.data.byteLength;
  }
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, offset);
    offset += tensor.data.byteLength;
  }
  return { name: first.name, datatype: first.datatype, shape: [rows, ...rowShape], data };
}
function splitOnBatchAxis(tensor, rowsPerPart) {
  const [batch, ...rowShape] = tensor.shape;
  const rows = rowsPerPart.reduce((sum, part) => sum + part, 0);
  if (batch === void 0 || rows !== batch) {
    throw new RangeError(`Parts of ${rows} rows in all cannot be cut from a tensor of ${batch ?? 0} rows.`);
  }
  const elementsPerRow = elementCount(rowShape);
  let offset = 0;
  return rowsPerPart.map((part) => {
    const start = offset;
    offset = endOfElements(tensor.datatype, tensor.data, start, part * elementsPerRow);
    return {
      name: tensor.name,
      datatype: tensor.datatype,
      shape: [part, ...rowShape],
      data: tensor.data.subarray(start, offset)
    };
  });
}
function endOfElements(datatype, data, start, count) {
  const width = bytesPerElement(datatype);
  if (width !== null) return start + count * width;
  let offset = start;
  for (let element = 0; element < count; element++) offset = endOfElement(data, offset);
  return offset;
}
function sameShape(a, b) {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}
function ownBuffer(data) {
  const { buffer } = data;
  const covers = data.byteOffset === 0 && data.byteLength === buffer.byteLength;
  return covers && buffer instanceof ArrayBuffer ? buffer : new Uint8Array(data).buffer;
}
function copiedBuffer(data) {
  return new Uint8Array(data).buffer;
}
export {
  concatOnBatchAxis,
  copiedBuffer,
  decodeBytesElements,
  encodeBytesElements,
  ownBuffer,
  splitOnBatchAxis,
  toBytes,
  toTypedArray
};
//# sourceMappingURL=tensors.js.map
