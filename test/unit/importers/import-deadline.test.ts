import { describe, expect, it } from 'vitest';
import { importDeadlineMs } from '../../../src/importers/import-deadline.js';

const MIB = 2 ** 20;

describe('the deadline of an import', () => {
  it('is what was asked for, for files that are read and loaded within seconds', () => {
    expect(importDeadlineMs(25_000, 0, 0)).toBe(25_000);
    expect(importDeadlineMs(25_000, 256 * MIB, 16 * MIB)).toBe(25_000);
  });

  it('grows with the size of the file, which takes time to read', () => {
    expect(importDeadlineMs(25_000, 2048 * MIB, 0)).toBe(25_000 + 28_000);
  });

  it('grows with the weights that an engine will load, not with what else is in the file', () => {
    expect(importDeadlineMs(25_000, 200 * MIB, 96 * MIB)).toBe(25_000 + 10_000);
    expect(importDeadlineMs(25_000, 200 * MIB, 0)).toBe(25_000);
  });
});
