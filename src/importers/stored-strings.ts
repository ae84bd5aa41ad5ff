/**
 * Strings as a checkpoint holds them: the length of each as a varint, a checksum of 4 bytes, then all of them together.
 * TensorFlow's reader gets the same bytes, so they are walked over here first.
 */
const CHECKSUM_BYTES = 4;
const MAX_VARINT_BYTES = 5;

/** @returns what is wrong, or `null` */
export function stringsProblem(bytes: Uint8Array, count: number): string | null {
  let at = 0;
  let total = 0;
  if (count > bytes.length) return `${count} of them cannot lie in ${bytes.length} bytes`;
  for (let element = 0; element < count; element++) {
    let length = 0;
    for (let step = 0; ; step++) {
      const byte = bytes[at++];
      if (byte === undefined || step >= MAX_VARINT_BYTES) return `the length of number ${element} has no end`;
      length += (byte & 0x7f) * 128 ** step;
      if (byte < 0x80) break;
    }
    total += length;
  }
  const left = bytes.length - at - CHECKSUM_BYTES;
  return total === left ? null : `their lengths add up to ${total} bytes, and ${left} are there`;
}
