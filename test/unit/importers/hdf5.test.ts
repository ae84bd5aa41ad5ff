/** HDF5 written byte by byte, for what the library itself would not write: values that are said to be elsewhere. */
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../src/importers/byte-source.js';
import { openHdf5 } from '../../../src/importers/hdf5.js';
import { hdf5Of, type Storage } from '../../support/hostile/hdf5-bytes.js';

const open = (storage: Storage, dims: readonly bigint[] = [4n]) =>
  openHdf5(bufferSource(hdf5Of([{ name: 'values', dims, storage }])));

describe('HDF5 values', () => {
  it('in place are read, so that the writer of these tests is sound', async () => {
    const file = await open({ kind: 'contiguous', address: 8n, bytes: 16n });
    const dataset = file.dataset('/values');
    expect(dataset).toMatchObject({ shape: [4], element: 'float32', byteLength: 16 });
    if (dataset !== null) expect(file.readFloat32(dataset).length).toBe(16);
  });

  it.each(['/etc/hostname', '/dev/stdin', '/proc/self/environ', '../values'])(
    'in the external file %s are never read',
    async (file) => {
      const opened = await open({ kind: 'external', file });
      const dataset = opened.dataset('/values');
      if (dataset === null) throw new Error('The dataset is not there.');
      expect(() => opened.readFloat32(dataset)).toThrow(/cannot be read: the file is damaged/);
    },
  );

  it('of a virtual dataset are refused at once', async () => {
    await expect(open({ kind: 'virtual', file: '/etc/hostname' })).rejects.toThrow(/virtual dataset/);
  });
});
