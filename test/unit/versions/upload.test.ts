import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_UPLOAD_LIMITS, roomFor, sumOfPending } from '../../../src/domain/versions/upload.js';
import { artifactFileName } from '../../../src/domain/versions/version.js';

describe('roomFor', () => {
  it('never lets a tenant pass a limit, whatever arrives in whatever order', () => {
    const limits = {
      ...DEFAULT_UPLOAD_LIMITS,
      maxUploadBytes: 100,
      maxPendingBytes: 500,
      maxPendingUploads: 7,
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 50 }), (sizes) => {
        let pending = { count: 0, bytes: 0 };
        for (const bytes of sizes) {
          if (bytes <= roomFor(pending, limits)) pending = sumOfPending(pending, { count: 1, bytes });
        }
        expect(pending.count).toBeLessThanOrEqual(7);
        expect(pending.bytes).toBeLessThanOrEqual(500);
      }),
    );
  });
});

describe('artifactFileName', () => {
  const zip = Buffer.from('PK\u0003\u0004');
  const gzip = Buffer.from([0x1f, 0x8b]);

  it.each([
    ['KERAS_H5', zip, 'acme-digits-v3.h5'],
    ['KERAS_V3', zip, 'acme-digits-v3.keras'],
    ['TFJS_GRAPH', zip, 'acme-digits-v3.zip'],
    ['TFJS_LAYERS', gzip, 'acme-digits-v3.tar.gz'],
  ] as const)('names a %s by what it is', (format, firstBytes, expected) => {
    expect(artifactFileName('acme', 'digits', { number: 3, format }, firstBytes)).toBe(expected);
  });

  it('never holds anything that ends a header or leaves a folder', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.string({ maxLength: 20 }),
        (owner, model) => {
          const name = artifactFileName(owner, model, { number: 1, format: 'KERAS_H5' }, zip);
          expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
        },
      ),
    );
  });
});
