const MAX_KEPT_BYTES = 4 * 1024 * 1024;
function encodeOutputs(outputs) {
  const entries = outputs.map(({ name, datatype, shape, data }) => ({
    name,
    datatype,
    shape,
    bytes: data.length
  }));
  const header = Buffer.from(JSON.stringify(entries), "utf8");
  const total = outputs.reduce((sum, output) => sum + output.data.length, 4 + header.length);
  if (total > MAX_KEPT_BYTES) return null;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...outputs.map((output) => output.data)], total);
}
function decodeOutputs(bytes) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 4 + buffer.readUInt32LE(0);
  const entries = JSON.parse(buffer.toString("utf8", 4, start));
  let at = start;
  return entries.map(({ bytes: length, ...tensor }) => {
    const data = bytes.subarray(at, at + length);
    at += length;
    return { ...tensor, data };
  });
}
export {
  MAX_KEPT_BYTES,
  decodeOutputs,
  encodeOutputs
};
//# sourceMappingURL=kept-outputs.js.map
