import { fstatSync, readSync } from "node:fs";
function fileSource(fd) {
  const size = fstatSync(fd).size;
  const readInto = (target, offset) => {
    let filled = 0;
    while (filled < target.length) {
      const count = readSync(fd, target, filled, target.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  };
  return Object.freeze({
    size,
    readInto,
    read: (offset, length) => readWith(size, readInto, offset, length)
  });
}
function bufferSource(bytes) {
  const readInto = (target, offset) => {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  };
  return Object.freeze({
    size: bytes.length,
    readInto,
    read: (offset, length) => readWith(bytes.length, readInto, offset, length)
  });
}
function readWith(size, readInto, offset, length) {
  const wanted = Math.max(0, Math.min(length, size - offset));
  const target = Buffer.allocUnsafe(wanted);
  return target.subarray(0, readInto(target, offset));
}
export {
  bufferSource,
  fileSource
};
//# sourceMappingURL=byte-source.js.map
