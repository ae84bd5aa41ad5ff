/**
 * Messages of the worker protocol on a stream of bytes, for workers that are processes.
 *
 *   frame = uint32 LE length of the header | header | the buffers, one after the other, raw
 *
 * The header is JSON: the message with each ArrayBuffer replaced by its place, and the buffers' lengths. Tensors
 * are neither encoded nor joined: they are written from where they lie and read to where they stay.
 */
export interface Frame {
  readonly message: unknown;
  /** Of the whole frame. */
  readonly bytes: number;
}

interface Header {
  readonly message: unknown;
  readonly buffers: readonly number[];
}

/** The other side sent what is no frame, or one that is too large. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

const PREFIX_BYTES = 4;
const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** Stands for a buffer; no key of the protocol begins with `$`. */
const PLACE = '$buffer';

/** The parts of one frame, to be written in this order; the buffers are views, not copies. */
export function encodeFrame(message: unknown): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  const body = JSON.stringify(message, (_, value: unknown) => {
    if (!(value instanceof ArrayBuffer)) return value;
    buffers.push(new Uint8Array(value));
    return { [PLACE]: buffers.length - 1 };
  });
  const lengths = buffers.map(({ byteLength }) => byteLength);
  const json = `{"message":${body},"buffers":[${lengths.join(',')}]}`;
  const length = Buffer.byteLength(json);
  const head = Buffer.allocUnsafe(PREFIX_BYTES + length);
  head.writeUInt32LE(length, 0);
  head.write(json, PREFIX_BYTES);
  return [head, ...buffers.filter(({ byteLength }) => byteLength > 0)];
}

export interface FrameReader {
  /** Where the next bytes belong: fill it from its beginning, then say how far. Never empty. */
  room(): Uint8Array;
  /** @throws FramingError */
  filled(bytes: number): void;
  /** The same for bytes that lie elsewhere. @throws FramingError */
  push(chunk: Uint8Array): void;
}

/**
 * Cuts the stream into frames.
 * @param maxFrameBytes a frame that claims more is refused before memory is taken for it
 */
export function createFrameReader(maxFrameBytes: number, onFrame: (frame: Frame) => void): FrameReader {
  let target: Uint8Array = new Uint8Array(PREFIX_BYTES);
  let used = 0;
  let stage: 'prefix' | 'header' | 'buffers' = 'prefix';
  let header: Header = { message: null, buffers: [] };
  let received: ArrayBuffer[] = [];

  const begin = (next: typeof stage, bytes: number): void => {
    stage = next;
    target = new Uint8Array(new ArrayBuffer(bytes));
    used = 0;
  };

  const finishFrame = (): void => {
    const { message } = header;
    const bytes = received.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const buffers = received;
    received = [];
    begin('prefix', PREFIX_BYTES);
    onFrame({ message: withBuffers(message, buffers), bytes });
  };

  /** The next buffer that has bytes to come, or the end of the frame. */
  const nextBuffer = (): void => {
    for (;;) {
      const length = header.buffers[received.length];
      if (length === undefined) {
        finishFrame();
        return;
      }
      if (length > 0) {
        begin('buffers', length);
        return;
      }
      received.push(new ArrayBuffer(0));
    }
  };

  const complete = (): void => {
    switch (stage) {
      case 'prefix': {
        const length = new DataView(target.buffer, target.byteOffset).getUint32(0, true);
        if (length === 0 || length > MAX_HEADER_BYTES)
          throw new FramingError('The header has no valid length.');
        begin('header', length);
        return;
      }
      case 'header':
        header = parseHeader(target, maxFrameBytes);
        nextBuffer();
        return;
      case 'buffers':
        received.push(target.buffer as ArrayBuffer);
        nextBuffer();
        return;
    }
  };

  const filled = (bytes: number): void => {
    used += bytes;
    if (used === target.length) complete();
  };

  return Object.freeze({
    room: () => target.subarray(used),
    filled,
    push(chunk: Uint8Array) {
      for (let offset = 0; offset < chunk.length;) {
        const count = Math.min(chunk.length - offset, target.length - used);
        target.set(chunk.subarray(offset, offset + count), used);
        offset += count;
        filled(count);
      }
    },
  });
}

function parseHeader(bytes: Uint8Array, maxFrameBytes: number): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    throw new FramingError('The header is not JSON.');
  }
  const { message, buffers } = (parsed ?? {}) as { message?: unknown; buffers?: unknown };
  if (!Array.isArray(buffers) || !buffers.every(isLength))
    throw new FramingError('The header names no buffers.');
  const total = buffers.reduce((sum, length) => sum + length, 0);
  if (total > maxFrameBytes) throw new FramingError(`A message of ${total} bytes is too large.`);
  return { message, buffers };
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Puts the buffers back into their places. */
function withBuffers(value: unknown, buffers: readonly ArrayBuffer[]): unknown {
  if (buffers.length === 0 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => withBuffers(item, buffers));
  const place = (value as { readonly [PLACE]?: unknown })[PLACE];
  if (typeof place === 'number') {
    const buffer = buffers[place];
    if (buffer === undefined) throw new FramingError('The message names a buffer that did not come.');
    return buffer;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBuffers(item, buffers)]));
}
