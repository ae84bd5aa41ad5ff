/** Output tensors as bytes for the idempotency record: uint32 length of a JSON header, the header, the data. */
import type { Datatype, Tensor } from '../../lib/tensor.js';

export const MAX_KEPT_BYTES = 4 * 1024 * 1024;

interface Entry {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** `null` when they are too large to keep. */
export function encodeOutputs(outputs: readonly Tensor[]): Buffer | null {
  const entries: Entry[] = outputs.map(({ name, datatype, shape, data }) => ({
    name,
    datatype,
    shape,
    bytes: data.length,
  }));
  const header = Buffer.from(JSON.stringify(entries), 'utf8');
  const total = outputs.reduce((sum, output) => sum + output.data.length, 4 + header.length);
  if (total > MAX_KEPT_BYTES) return null;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...outputs.map((output) => output.data)], total);
}

export function decodeOutputs(bytes: Uint8Array): Tensor[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 4 + buffer.readUInt32LE(0);
  const entries = JSON.parse(buffer.toString('utf8', 4, start)) as Entry[];
  let at = start;
  return entries.map(({ bytes: length, ...tensor }) => {
    const data = bytes.subarray(at, at + length);
    at += length;
    return { ...tensor, data };
  });
}
