/** Labelled datasets through the real child process: what is read, and what is refused and why. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatasetReader,
  type DatasetOptions,
  type DatasetReader,
} from '../../../src/importers/index.js';
import { readDataset } from '../../../src/importers/datasets/read-dataset.js';
import { fromFloat16Bits } from '../../../src/lib/float16.js';
import { tarOf } from '../../support/archives.js';
import { datasetFixture, digitsZip, NO_OPTIONS, withDataset } from '../../support/datasets.js';
import { readDigits } from '../../support/digits.js';
import { zipOf } from '../../support/zip.js';

let reader: DatasetReader;
beforeAll(() => {
  reader = createDatasetReader({ maxConcurrentImports: 2 });
});
afterAll(() => reader.stop());

/** In this process: what is refused, and why, does not depend on the walls, and a child takes a third of a second. */
async function refusal(bytes: Uint8Array | string, options: Partial<DatasetOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'souk-dataset-'));
  try {
    const sourcePath = join(directory, 'source');
    writeFileSync(sourcePath, bytes);
    const read = await readDataset({
      sourcePath,
      workDirectory: directory,
      options: { ...NO_OPTIONS, ...options },
    });
    return read.ok ? read.value : read.error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('CSV', () => {
  const csv = 'length,colour,width,label\n5.1,red,3.5,a\n4.9,blue,,b\n"6,2",red,1e2,a\n';

  it('numbers, texts and labels become columns; the same file gives the same digest', async () => {
    const once = await withDataset(reader, csv, {}, async ({ report, file }) => {
      expect(report).toMatchObject({
        format: 'CSV',
        rows: 3,
        labelKind: 'TEXT',
        classes: [
          { label: 'a', count: 2 },
          { label: 'b', count: 1 },
        ],
      });
      expect(report?.columns).toEqual([
        { name: 'length', datatype: 'BYTES', shape: [] },
        { name: 'colour', datatype: 'BYTES', shape: [] },
        { name: 'width', datatype: 'FP64', shape: [] },
      ]);
      expect(report?.findings).toEqual(['"width" is empty in 1 of 3 rows; the model gets NaN there.']);
      const width = await file?.readColumn(2, 0, 3);
      expect([...new Float64Array(new Uint8Array(width!.data).buffer)]).toEqual([3.5, NaN, 100]);
      const length = await file?.readColumn(0, 1, 2);
      expect(Buffer.from(length!.data).toString('latin1')).toBe('\x03\0\0\x004.9\x03\0\0\x006,2');
      expect(await file?.readLabels(1, 2)).toEqual(['b', 'a']);
      return report?.digest;
    });
    expect(await withDataset(reader, csv, {}, ({ report }) => report?.digest)).toBe(once);
  });

  it('whole numbers are classes in their order, other numbers are measures', async () => {
    await withDataset(reader, 'x;target\n1;10\n2;9\n3;10\n', {}, ({ report }) => {
      expect(report).toMatchObject({ labelKind: 'NUMBER', classes: [{ label: '9' }, { label: '10' }] });
    });
    await withDataset(reader, 'x;target\n1;10.5\n2;9\n', {}, ({ report }) => {
      expect(report).toMatchObject({ labelKind: 'NUMBER', classes: null });
    });
    await withDataset(reader, 'x,y\n1,007\n2,7\n', {}, ({ report }) => {
      expect(report).toMatchObject({ labelKind: 'TEXT', classes: [{ label: '007' }, { label: '7' }] });
    });
  });

  it('takes the columns that it is told, in that order', async () => {
    await withDataset(
      reader,
      'a,b,c,d\n1,2,3,4\n',
      { labelColumn: 'b', columns: ['d', 'a'] },
      ({ report }) => {
        expect(report?.columns.map(({ name }) => name)).toEqual(['d', 'a']);
        expect(report?.findings).toEqual(['"c" are not used.']);
      },
    );
  });

  it.each([
    ['no label column', 'a,b\n1,2\n', {}, 'INVALID_OPTION', 'labelColumn'],
    ['a label column that is not there', 'a,b\n1,2\n', { labelColumn: 'z' }, 'INVALID_OPTION', 'labelColumn'],
    ['a feature that is not there', 'a,y\n1,2\n', { columns: ['z'] }, 'INVALID_OPTION', 'columns'],
    ['a delimiter that is none', 'a,y\n1,2\n', { delimiter: '"' }, 'INVALID_OPTION', 'delimiter'],
    ['a row that is too short', 'a,b,y\n1,2\n', {}, 'CORRUPT_ARTIFACT', null],
    ['an open quote', 'a,y\n"1,2\n', {}, 'CORRUPT_ARTIFACT', null],
    ['no rows', 'a,y\n', {}, 'CORRUPT_ARTIFACT', null],
    ['a column twice', 'a,a,y\n1,2,3\n', {}, 'CORRUPT_ARTIFACT', 'a'],
    ['a row without label', 'a,y\n1,2\n1,\n', {}, 'CORRUPT_ARTIFACT', 'row 1'],
    ['nothing', '', {}, 'CORRUPT_ARTIFACT', null],
    ['no text', Buffer.from([1, 0, 2, 0]), {}, 'UNSUPPORTED_FORMAT', null],
    ['a pickle', Buffer.from([0x80, 4, 0x95, 0]), {}, 'UNSUPPORTED_FORMAT', null],
  ] as const)('refuses %s', async (_what, bytes, options, code, subject) => {
    expect(await refusal(bytes, options)).toMatchObject({ code, subject });
  });
});

describe('NPZ', () => {
  const rowsOf = async (name: string, options: Partial<DatasetOptions> = {}) =>
    withDataset(reader, await datasetFixture(name), options, async ({ report, file, refusal: no }) => {
      if (report === null) throw new Error(no.message);
      const columns = await Promise.all(
        report.columns.map((_, index) => file.readColumn(index, 0, report.rows)),
      );
      return { report, columns, labels: await file.readLabels(0, report.rows) };
    });

  it('byte order, Fortran order and the format’s version make no difference', async () => {
    const plain = await rowsOf('plain.npz');
    expect(plain.report).toMatchObject({
      format: 'NPZ',
      rows: 4,
      columns: [{ name: 'x', datatype: 'FP32', shape: [3, 2] }],
    });
    expect(plain.labels).toEqual(['2', '0', '1', '2']);
    const values = [...new Float32Array(new Uint8Array(plain.columns[0]!.data).buffer)];
    expect(values).toEqual([
      ...Float32Array.from({ length: 24 }, (_, i) => i).map((v) => Math.fround(v / 7)),
    ]);
    const other = await rowsOf('fortran-big-endian.npz');
    expect(other.report.digest).toBe(plain.report.digest);
    const later = await rowsOf('versions.npz');
    expect(later.columns).toEqual(plain.columns);
    expect(later.labels).toEqual(['ä', 'bb', 'a', 'bb']);
  });

  it('reads every datatype, one-hot labels, and texts', async () => {
    const { report, columns, labels } = await rowsOf('datatypes.npz');
    expect(labels).toEqual(['1', '2']);
    expect(report.findings.join()).toContain('one-hot');
    for (const { name, datatype, data } of columns) {
      const bytes = Buffer.from(data);
      if (name === 's') expect(bytes.toString('latin1')).toBe('\x02\0\0\0ab\x01\0\0\0c');
      else if (name === 'u') expect(bytes.toString()).toBe('\x03\0\0\0xyz\x02\0\0\0é');
      else {
        const read: Record<string, (i: number) => number | bigint> = {
          BOOL: (i) => bytes.readUInt8(i),
          INT8: (i) => bytes.readInt8(i),
          UINT8: (i) => bytes.readUInt8(i),
          INT16: (i) => bytes.readInt16LE(i * 2),
          UINT16: (i) => bytes.readUInt16LE(i * 2),
          INT32: (i) => bytes.readInt32LE(i * 4),
          UINT32: (i) => bytes.readUInt32LE(i * 4),
          INT64: (i) => bytes.readBigInt64LE(i * 8),
          UINT64: (i) => bytes.readBigUInt64LE(i * 8),
          FP16: (i) => fromFloat16Bits(bytes.readUInt16LE(i * 2)),
          FP32: (i) => bytes.readFloatLE(i * 4),
          FP64: (i) => bytes.readDoubleLE(i * 8),
        };
        const expected = datatype === 'BOOL' ? [0, 1, 1, 1, 1, 1] : [0, 1, 2, 3, 4, 5];
        expect(
          [0, 1, 2, 3, 4, 5].map((i) => Number(read[datatype]!(i))),
          name,
        ).toEqual(expected);
      }
    }
    expect(new Set(columns.map(({ datatype }) => datatype)).size).toBe(13);
  });

  it('of a file with two halves it takes the test half, unless it is told otherwise', async () => {
    const test = await rowsOf('mnist-like.npz');
    expect(test.report).toMatchObject({ rows: 2, columns: [{ name: 'x_test' }] });
    expect(test.report.findings.join()).toContain('"x_train"');
    const train = await rowsOf('mnist-like.npz', { labelColumn: 'y_train' });
    expect(train.report).toMatchObject({ rows: 4, columns: [{ name: 'x_train' }] });
  });

  /** A `.npy` with this header in words. */
  const npy = (header: string, body: Uint8Array = new Uint8Array()) =>
    Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      Buffer.from([header.length & 255, header.length >> 8]),
      Buffer.from(header, 'latin1'),
      body,
    ]);
  const npz = (x: Uint8Array) =>
    zipOf([
      { name: 'x.npy', data: x },
      {
        name: 'y.npy',
        data: npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", Buffer.from([0, 1])),
      },
    ]);
  const shaped = (shape: string, descr = "'<f4'") =>
    npy(`{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape}), }`);

  it.each([
    ['an array that is larger than its bytes', shaped('2, 1000000'), 'CORRUPT_ARTIFACT'],
    ['a shape bomb', shaped('2, 999999999, 999999999'), 'LIMIT_EXCEEDED'],
    ['an endless shape', shaped('2, 99999999999999999999999999999999999999'), 'LIMIT_EXCEEDED'],
    ['other rows than labels', shaped('3'), 'CORRUPT_ARTIFACT'],
    ['a structured array', shaped('2', "[('a', '<f4')]"), 'UNSUPPORTED_TENSOR'],
    ['complex numbers', shaped('2', "'<c8'"), 'UNSUPPORTED_TENSOR'],
    ['a header that is a program', npy("__import__('os').system('true')"), 'CORRUPT_ARTIFACT'],
    ['no array', Buffer.from('nothing of the kind'), 'CORRUPT_ARTIFACT'],
  ] as const)('refuses %s', async (_what, x, code) => {
    expect(await refusal(npz(x))).toMatchObject({ code, subject: 'x' });
  });

  it('refuses Python objects by name', async () => {
    expect(await refusal(await datasetFixture('pickled.npz'))).toMatchObject({
      code: 'UNSUPPORTED_TENSOR',
      subject: 'y',
      message: expect.stringContaining('pickle') as string,
    });
  });
});

describe('pictures', () => {
  const picture = (
    width: number,
    height: number,
    channels: 3 | 4 = 3,
    format: 'png' | 'jpeg' | 'webp' = 'png',
  ) =>
    sharp({ create: { width, height, channels, background: { r: 200, g: 100, b: 50, alpha: 1 } } })
      .toFormat(format)
      .toBuffer();

  it('the digits with their labels.csv are the pixels that sharp reads', async () => {
    const { images, expected } = await readDigits();
    await withDataset(reader, await digitsZip(), {}, async ({ report, file }) => {
      expect(report).toMatchObject({
        format: 'IMAGES',
        rows: 40,
        columns: [{ name: 'image', datatype: 'UINT8', shape: [28, 28, 1] }],
        findings: [],
      });
      expect(await file?.readLabels(0, 40)).toEqual(expected.labels.map(String));
      expect(Buffer.from((await file!.readColumn(0, 0, 40)).data).equals(Buffer.concat(images))).toBe(true);
      expect(
        Buffer.from((await file!.readColumn(0, 7, 2)).data).equals(Buffer.concat(images.slice(7, 9))),
      ).toBe(true);
    });
  });

  it('folders are classes; PNG, JPEG and WebP of one colour are the same row', async () => {
    const files = [
      { name: 'set/cat/a.png', data: await picture(4, 3) },
      { name: 'set/cat/b.webp', data: await picture(4, 3, 4, 'webp') },
      { name: 'set/dog/c.jpg', data: await picture(4, 3, 3, 'jpeg') },
      { name: 'set/readme.txt', data: Buffer.from('hello') },
    ];
    for (const archive of [
      zipOf(files),
      await tarOf(files.map(({ name, data }) => ({ header: { name }, data }))),
    ]) {
      await withDataset(reader, archive, {}, async ({ report, file }) => {
        expect(report).toMatchObject({
          columns: [{ shape: [3, 4, 3] }],
          classes: [
            { label: 'cat', count: 2 },
            { label: 'dog', count: 1 },
          ],
          findings: ['1 files are not used: "readme.txt".'],
        });
        const { data } = await file!.readColumn(0, 0, 3);
        for (const [index, value] of data.entries()) {
          expect(Math.abs(value - [200, 100, 50][index % 3]!)).toBeLessThan(4);
        }
      });
    }
  });

  it('pictures of one class are a dataset too', async () => {
    const one = zipOf([{ name: 'cats/cat/a.png', data: await picture(4, 3) }]);
    await withDataset(reader, one, {}, ({ report }) => {
      expect(report?.classes).toEqual([{ label: 'cat', count: 1 }]);
    });
  });

  it('resizes and recolours when it is told to, and only then', async () => {
    const files = [
      { name: 'a/1.png', data: await picture(8, 8) },
      { name: 'b/2.png', data: await picture(5, 6) },
    ];
    expect(await refusal(zipOf(files))).toMatchObject({ code: 'UNSUPPORTED_TENSOR', subject: 'b/2.png' });
    await withDataset(reader, zipOf(files), { width: 4, height: 2, color: 'GREY' }, ({ report }) => {
      expect(report?.columns).toEqual([{ name: 'image', datatype: 'UINT8', shape: [2, 4, 1] }]);
    });
  });

  it('refuses what is no picture, a picture that is cut, one that promises a gigapixel, and labels without file', async () => {
    const good = { name: 'a/1.png', data: await picture(4, 4) };
    const svg = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    );
    expect(await refusal(zipOf([good, { name: 'b/2.png', data: svg }]))).toMatchObject({
      code: 'UNSUPPORTED_TENSOR',
      subject: 'b/2.png',
    });
    const whole = await sharp({
      create: { width: 300, height: 300, channels: 3, background: 'red', noise: { type: 'gaussian' } },
    })
      .png()
      .toBuffer();
    const cut = [good, { name: 'b/2.png', data: whole.subarray(0, whole.length / 2) }];
    expect(await refusal(zipOf(cut), { width: 4, height: 4 })).toMatchObject({
      code: 'CORRUPT_ARTIFACT',
      subject: 'b/2.png',
    });
    const bomb = Buffer.from(await picture(4, 4));
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    expect(await refusal(zipOf([{ name: 'a/1.png', data: bomb }]), { width: 4, height: 4 })).toMatchObject({
      code: expect.stringMatching(/LIMIT_EXCEEDED|CORRUPT_ARTIFACT/) as string,
    });
    const named = [good, { name: 'labels.csv', data: Buffer.from('file,label\n../../etc/passwd,1\n') }];
    expect(await refusal(zipOf(named))).toMatchObject({
      code: 'CORRUPT_ARTIFACT',
      subject: '../../etc/passwd',
    });
    expect(
      await refusal(
        zipOf([
          { name: 'x/y/1.png', data: good.data },
          { name: 'z.png', data: good.data },
        ]),
      ),
    ).toMatchObject({
      code: 'CORRUPT_ARTIFACT',
    });
  });
});

describe('a reading that does not end well', () => {
  it('is ended at its deadline and at its memory limit', async () => {
    const large = `x,y\n${'1,2\n'.repeat(400_000)}`;
    const ended = (limits: object) => withDataset(reader, large, {}, ({ refusal: no }) => no, limits);
    expect(await ended({ timeoutMs: 150 })).toMatchObject({ code: 'IMPORT_TIMED_OUT' });
    expect(await ended({ maxMemoryBytes: 50 * 2 ** 20 })).toMatchObject({
      code: 'IMPORT_OUT_OF_MEMORY',
    });
  });

  it('a zip bomb, a link and an archive of nothing are refused by the rules of all archives', async () => {
    const zeros = Buffer.alloc(64 * 2 ** 20);
    const bomb = zipOf([{ name: 'x.npy', data: zeros, deflate: true }]);
    expect(bomb.length).toBeLessThan(deflateRawSync(zeros).length + 1000);
    expect(await refusal(bomb)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const link = zipOf([{ name: 'a/1.png', data: Buffer.from('/etc/passwd'), mode: 0o120777 }]);
    expect(await refusal(link)).toMatchObject({ code: 'CORRUPT_ARTIFACT' });
    expect(await refusal(zipOf([{ name: 'readme.txt', data: Buffer.from('x') }]))).toMatchObject({
      code: 'UNSUPPORTED_FORMAT',
    });
  });
});
