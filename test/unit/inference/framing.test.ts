import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, encodeFrame, FramingError, type Frame } from '../../../src/inference/framing.js';

const bufferOf = (bytes: readonly number[]): ArrayBuffer => Uint8Array.from(bytes).buffer;
const bytesOf = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

const message = fc.record({
  type: fc.constantFrom('infer', 'evict'),
  text: fc.string({ unit: 'binary' }),
  tensors: fc.array(
    fc.record({
      name: fc.string(),
      data: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }).map(bufferOf),
    }),
    { maxLength: 4 },
  ),
});

function collect(maxFrameBytes = 1_000): { frames: unknown[]; reader: ReturnType<typeof createFrameReader> } {
  const frames: unknown[] = [];
  return {
    frames,
    reader: createFrameReader(maxFrameBytes, ({ message: found }: Frame) => frames.push(found)),
  };
}

describe('frames', () => {
  it('arrive as they were sent, in order, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 50 })),
        (sent, cuts) => {
          const { frames, reader } = collect();
          let stream = bytesOf(sent.flatMap((one) => encodeFrame(one)));
          for (const cut of cuts) {
            reader.push(stream.subarray(0, cut));
            stream = stream.subarray(cut);
          }
          reader.push(stream);
          expect(frames).toEqual(sent);
        },
      ),
    );
  });

  it('can be read straight to where they stay', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 1, max: 64 }), (sent, most) => {
        const { frames, reader } = collect();
        const stream = bytesOf(sent.flatMap((one) => encodeFrame(one)));
        for (let offset = 0; offset < stream.length;) {
          const room = reader.room();
          const count = Math.min(room.length, most, stream.length - offset);
          room.set(stream.subarray(offset, offset + count));
          offset += count;
          reader.filled(count);
        }
        expect(frames).toEqual(sent);
      }),
    );
  });

  it('are written without a copy of their tensors', () => {
    const data = bufferOf([1, 2, 3]);

    const parts = encodeFrame({ type: 'infer', inputs: [{ data }] });

    expect(parts[1]?.buffer).toBe(data);
  });

  it.each([
    ['a header of no length', Buffer.from([0, 0, 0, 0])],
    ['a header of 4 GB', Buffer.from([255, 255, 255, 255])],
    ['a header that is no JSON', Buffer.from([2, 0, 0, 0, 0x7b, 0x7b])],
    ['a header without buffers', frameOf('{"message":1}')],
    ['a buffer of negative length', frameOf('{"message":1,"buffers":[-1]}')],
    ['a buffer of broken length', frameOf('{"message":1,"buffers":[1.5]}')],
    ['more than may come in one frame', frameOf('{"message":1,"buffers":[600,600]}')],
    ['a place without a buffer', frameOf('{"message":{"$buffer":7},"buffers":[0]}')],
  ])('with %s are refused before memory is taken for them', (_, bytes) => {
    const { reader } = collect();

    expect(() => reader.push(bytes)).toThrow(FramingError);
  });
});

function frameOf(json: string): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(json.length);
  return Buffer.concat([head, Buffer.from(json)]);
}
