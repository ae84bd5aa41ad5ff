/** The one form in which an ONNX file goes on, and what any change of a sound file comes to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../src/importers/byte-source.js';
import { readOnnx } from '../../../src/importers/onnx.js';
import { Refused } from '../../../src/importers/refused.js';
import { floats, graph, int, node, onnxModel, part } from '../../support/onnx-model.js';
import { ifWith, onnxFixture, SOUND, X, Y } from '../../support/onnx-reading.js';

const canonical = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([...(readOnnx(bufferSource(bytes)).files?.[0]?.read() ?? [])]);

const withWeight = (w: Uint8Array): Buffer =>
  onnxModel({ nodes: [node('Add', ['x', 'w'], ['y'])], inputs: X, outputs: Y, initializers: [w] });

describe('the canonical form', () => {
  it.each(['dense', 'cnn', 'iris-tree'])('of %s.onnx is read as itself', (name) => {
    const once = canonical(onnxFixture(name));
    expect(Buffer.compare(canonical(once), once)).toBe(0);
    expect(readOnnx(bufferSource(once))).toMatchObject({
      inputs: readOnnx(bufferSource(onnxFixture(name))).inputs,
    });
  });

  it('leaves out what no answer depends on', () => {
    const props = part(14, Buffer.concat([part(1, 'ort_config'), part(2, '{"session_options":{}}')]));
    const bytes = Buffer.concat([SOUND, props, part(6, 'a note'), part(20, 'training')]);
    expect(Buffer.compare(canonical(bytes), canonical(SOUND))).toBe(0);
  });

  it('is one for lists that are packed, unpacked or both', () => {
    const dims = (...parts: Buffer[]): Uint8Array =>
      canonical(withWeight(Buffer.concat([...parts, int(2, 1), part(8, 'w'), part(9, floats(1, 2, 3, 4))])));
    const unpacked = dims(int(1, 2), int(1, 2));
    expect(Buffer.compare(dims(part(1, Uint8Array.of(2, 2))), unpacked)).toBe(0);
    expect(Buffer.compare(dims(int(1, 2), part(1, Uint8Array.of(2))), unpacked)).toBe(0);
  });
});

describe('any change of a sound file', () => {
  it('gives a model or a refusal, never another error', () => {
    const sources = [
      onnxFixture('dense'),
      onnxFixture('iris-tree'),
      ifWith(graph({ nodes: [node('Neg', ['x'], ['z'])], outputs: Y })),
    ];
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.array(change, { minLength: 1, maxLength: 12 }),
        fc.nat(9),
        (source, changes, cut) => {
          const bytes = Buffer.from(source);
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          const given = cut === 0 ? bytes.subarray(0, (changes[0]?.at ?? 0) % bytes.length) : bytes;
          try {
            const once = canonical(given);
            accepted++;
            // What was accepted is in its one form now.
            expect(Buffer.compare(canonical(once), once)).toBe(0);
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
          }
        },
      ),
      { numRuns: 500, seed: 3 },
    );
    expect(accepted).toBeGreaterThan(5);
    expect(accepted).toBeLessThan(490);
  });
});
