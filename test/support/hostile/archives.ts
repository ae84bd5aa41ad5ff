/** Archives that reach out, lie, explode or contradict themselves. */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { editedKeras, fixture, tarOf, unzip } from '../archives.js';
import { zipOf, type ZipEntry } from '../zip.js';
import { climbing, filesOf, type HostileFile } from './types.js';

const { refused } = filesOf('ARCHIVE', 'archive');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const x = bytesOf('x');
const CORRUPT = 'CORRUPT_ARTIFACT';

const zipNamed = (name: string) => () => zipOf([{ name, data: x }]);
const zipWith = (entry: Partial<ZipEntry>) => () => zipOf([{ name: 'model.json', data: x, ...entry }]);
const dense = async (): Promise<ZipEntry[]> =>
  [...(await unzip(fixture('keras/dense.keras')))].map(([name, data]) => ({ name, data }));

/** Many entries of the directory point at the same packed bytes. */
function overlapping(count: number, kernelBytes: number): Buffer {
  const whole = zipOf([{ name: 'file-0000', data: Buffer.alloc(kernelBytes), deflate: true }]);
  const directoryAt = whole.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  const endAt = whole.indexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const entries = Array.from({ length: count }, (_, i) => {
    const entry = Buffer.from(whole.subarray(directoryAt, endAt));
    entry.write(`file-${String(i).padStart(4, '0')}`, 46, 'latin1');
    return entry;
  });
  const directory = Buffer.concat(entries);
  const end = Buffer.from(whole.subarray(endAt));
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  return Buffer.concat([whole.subarray(0, directoryAt), directory, end]);
}

/** Some field of the first directory entry, told to lie. */
function patchedDirectory(offset: number, value: number, width: 2 | 4, bytes: Buffer): Buffer {
  const made = Buffer.from(bytes);
  const at = made.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + offset;
  if (width === 2) made.writeUInt16LE(value, at);
  else made.writeUInt32LE(value, at);
  return made;
}

/** The end of the directory says that everything is in a zip64 record, which is not there or lies. */
function zip64(record: (end: Buffer) => Buffer): Buffer {
  const bytes = zipOf([{ name: 'model.json', data: x }]);
  const endAt = bytes.indexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const end = Buffer.from(bytes.subarray(endAt));
  end.writeUInt16LE(0xffff, 10);
  end.writeUInt32LE(0xffffffff, 12);
  end.writeUInt32LE(0xffffffff, 16);
  return Buffer.concat([bytes.subarray(0, endAt), record(end), end]);
}

const zip64Record = (entries: bigint, size: bigint, offset: bigint): Buffer => {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(entries, 24);
  record.writeBigUInt64LE(entries, 32);
  record.writeBigUInt64LE(size, 40);
  record.writeBigUInt64LE(offset, 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(0n, 64);
  record.writeUInt32LE(1, 72);
  return record;
};

const tarNamed = (name: string) => () => tarOf([{ header: { name }, data: x }]);
const tarLink = (type: 'symlink' | 'link', linkname: (path: string) => string) => (bait: { path: string }) =>
  tarOf([{ header: { name: 'model.json', type, linkname: linkname(bait.path) } }]);

export const HOSTILE_ARCHIVES: readonly HostileFile[] = [
  refused('zip-climbs-out', CORRUPT, '..', (bait) => zipNamed(climbing(bait.path))()),
  refused('zip-absolute-name', CORRUPT, '/', (bait) => zipNamed(bait.path)()),
  refused('zip-climbs-in-the-middle', CORRUPT, 'a/../../b', zipNamed('a/../../b')),
  refused('zip-backslashes', CORRUPT, 'a\\..', zipNamed('a\\..\\..\\b')),
  refused('zip-drive', CORRUPT, 'C:', zipNamed('C:/windows/x')),
  refused('zip-unc', CORRUPT, '\\\\', zipNamed('\\\\127.0.0.1\\c$\\x')),
  refused('zip-nul-in-name', CORRUPT, 'control', zipNamed('model.json\0.png')),
  refused('zip-terminal-escape-in-name', CORRUPT, 'control', zipNamed('\x1b[2J\x1b]0;owned\x07.json')),
  refused('zip-newline-in-name', CORRUPT, 'control', zipNamed('x\n{"level":60,"msg":"forged"}')),
  refused('zip-bidi-in-name', 'UNSUPPORTED_FORMAT', 'no model', zipNamed('model\u202egpj.exe')),
  refused('zip-name-of-64-kb', CORRUPT, 'longer', zipNamed('a'.repeat(65_000))),
  refused('zip-empty-name', CORRUPT, 'empty', zipNamed('')),
  refused('zip-not-utf8', CORRUPT, 'UTF-8', () => {
    const made = zipOf([{ name: 'aaaa', data: x }]);
    return Buffer.from(made.toString('latin1').replaceAll('aaaa', 'a\xff\xfea'), 'latin1');
  }),
  refused('zip-symlink', CORRUPT, 'model.json', (bait) =>
    zipOf([{ name: 'model.json', data: bytesOf(bait.path), mode: 0o120777 }]),
  ),
  refused('zip-device', CORRUPT, 'model.json', zipWith({ mode: 0o020666 })),
  refused('zip-pipe', CORRUPT, 'model.json', zipWith({ mode: 0o010666 })),
  refused(
    'zip-encrypted',
    CORRUPT,
    'model.json',
    zipWith({ data: Buffer.alloc(20), encrypted: true, declaredSize: 8 }),
  ),
  refused('zip-unknown-method', ['UNSUPPORTED_FORMAT', CORRUPT], 'model.json', zipWith({ method: 99 })),
  refused('zip-duplicate-name', CORRUPT, 'config.json', async () => {
    const entries = await dense();
    return zipOf([...entries, { name: 'config.json', data: bytesOf('{}') }]);
  }),
  refused('zip-duplicate-by-unicode', CORRUPT, 'two entries', () =>
    zipOf([
      { name: 'caf\u00e9', data: x },
      { name: 'cafe\u0301', data: x },
    ]),
  ),
  refused('zip-two-spellings-of-one-path', CORRUPT, 'two entries', () =>
    zipOf([
      { name: './config.json', data: x },
      { name: 'config.json', data: x },
    ]),
  ),
  refused('zip-file-that-is-a-folder-too', [CORRUPT, 'UNSUPPORTED_FORMAT'], '', () =>
    zipOf([
      { name: 'a', data: x },
      { name: 'a/b', data: x },
    ]),
  ),
  refused('zip-wrong-checksum', CORRUPT, 'model.json', zipWith({ crc: 1 })),
  refused('zip-headers-disagree', CORRUPT, 'model.json', zipWith({ localName: 'nodel.json' })),
  refused('zip-declares-too-little', CORRUPT, 'bomb', () =>
    zipOf([{ name: 'bomb', data: Buffer.alloc(32 << 20), deflate: true, declaredSize: 10 }]),
  ),
  refused('zip-declares-too-much', CORRUPT, 'bomb', () =>
    zipOf([{ name: 'bomb', data: x, deflate: true, declaredSize: 0xfffffffe }]),
  ),
  refused('zip-bomb-flat', 'LIMIT_EXCEEDED', 'bomb', () =>
    zipOf([{ name: 'bomb', data: Buffer.alloc(64 << 20), deflate: true }]),
  ),
  refused('zip-bomb-of-many', 'LIMIT_EXCEEDED', 'bomb', () =>
    zipOf(
      Array.from({ length: 64 }, (_, i) => ({
        name: `bomb-${i}`,
        data: Buffer.alloc(1 << 20),
        deflate: true,
      })),
    ),
  ),
  refused('zip-bomb-overlapping', [CORRUPT, 'LIMIT_EXCEEDED'], '', () => overlapping(2000, 4 << 20)),
  refused('zip-bomb-nested', 'UNSUPPORTED_FORMAT', 'no model', () => {
    const inner = zipOf([{ name: 'bomb', data: Buffer.alloc(15 << 20), deflate: true }]);
    return zipOf(Array.from({ length: 16 }, (_, i) => ({ name: `lib-${i}.zip`, data: inner })));
  }),
  refused('zip-quine', 'UNSUPPORTED_FORMAT', 'no model', () => {
    // Not a true quine: to a reader that unpacks archives in archives it is as endless.
    let inner = zipOf([{ name: 'r.zip', data: x }]);
    for (let i = 0; i < 200; i++) inner = zipOf([{ name: 'r.zip', data: inner }]);
    return inner;
  }),
  refused('zip-of-2100-files', 'LIMIT_EXCEEDED', '2048', () =>
    zipOf(Array.from({ length: 2100 }, (_, i) => ({ name: `f${i}`, data: x }))),
  ),
  refused('zip-directory-elsewhere', CORRUPT, 'zip', () =>
    patchedDirectory(42, 0xfffffff0, 4, zipOf([{ name: 'model.json', data: x }])),
  ),
  refused('zip-directory-extra-too-long', CORRUPT, 'zip', () =>
    patchedDirectory(30, 0xffff, 2, zipOf([{ name: 'model.json', data: x }])),
  ),
  refused('zip64-without-record', CORRUPT, 'zip', () => zip64(() => Buffer.alloc(0))),
  refused('zip64-of-2-to-the-62-files', CORRUPT, 'zip', () => zip64(() => zip64Record(2n ** 62n, 40n, 0n))),
  refused('zip64-directory-at-2-to-the-63', CORRUPT, 'zip', () =>
    zip64(() => zip64Record(1n, 40n, 2n ** 63n)),
  ),
  refused('zip-cut-short', CORRUPT, 'zip', () => fixture('keras/dense.keras').subarray(0, 9000)),
  refused('zip-broken-deflate', CORRUPT, 'model.json', () =>
    zipOf([{ name: 'model.json', data: Buffer.from([0xff, 0xff, 0xff, 0xff]), method: 8 }]),
  ),
  refused('zip-deflate-goes-on', CORRUPT, 'model.json', () => {
    const packed = Buffer.concat([deflateRawSync(bytesOf('{}')), Buffer.alloc(50_000, 0xaa)]);
    return zipOf([{ name: 'model.json', data: packed, method: 8, crc: 0, declaredSize: 2 }]);
  }),
  refused('zip-behind-a-script', 'UNSUPPORTED_FORMAT', 'no', async () =>
    Buffer.concat([bytesOf('#!/bin/sh\nexit 1\n'), await editedKeras('keras/dense.keras', () => undefined)]),
  ),
  refused('tar-climbs-out', CORRUPT, '..', (bait) => tarNamed(climbing(bait.path).slice(-90))()),
  refused('tar-dot-dot', CORRUPT, '../x', tarNamed('../x')),
  refused('tar-absolute-name', CORRUPT, '/tmp/x', tarNamed('/tmp/x')),
  refused(
    'tar-symlink',
    CORRUPT,
    'model.json',
    tarLink('symlink', (path) => path),
  ),
  refused(
    'tar-symlink-relative',
    CORRUPT,
    'model.json',
    tarLink('symlink', (path) => climbing(path)),
  ),
  refused(
    'tar-hardlink',
    CORRUPT,
    'model.json',
    tarLink('link', (path) => path),
  ),
  ...(['character-device', 'block-device', 'fifo', 'contiguous-file'] as const).map((type) =>
    refused(`tar-${type}`, CORRUPT, 'model.json', () => tarOf([{ header: { name: 'model.json', type } }])),
  ),
  refused('tar-symlink-then-through-it', CORRUPT, 'out', (bait) =>
    tarOf([
      { header: { name: 'out', type: 'symlink', linkname: bait.path.replace(/\/[^/]*$/, '') } },
      { header: { name: 'out/written' }, data: x },
    ]),
  ),
  refused('tar-pax-renames-out', CORRUPT, '..', () =>
    tarOf([{ header: { name: 'model.json', pax: { path: '../../escaped' } }, data: x }]),
  ),
  refused('tar-pax-size-lies', CORRUPT, '', () =>
    tarOf([{ header: { name: 'model.json', pax: { size: '99999999999999' } }, data: x }]),
  ),
  refused('tar-negative-size', CORRUPT, 'tar', async () => {
    const bytes = await tarOf([{ header: { name: 'model.json' }, data: x }], false);
    bytes.write('-0000000001\0', 124, 'latin1');
    return withTarChecksum(bytes);
  }),
  refused('tar-size-of-2-to-the-62', CORRUPT, 'tar', async () => {
    const bytes = await tarOf([{ header: { name: 'model.json' }, data: x }], false);
    Buffer.from([0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]).copy(bytes, 124);
    return withTarChecksum(bytes);
  }),
  refused('tar-wrong-checksum', CORRUPT, 'tar', async () => {
    const bytes = await tarOf([{ header: { name: 'model.json' }, data: x }], false);
    bytes.write('evil.json', 0, 'latin1');
    return bytes;
  }),
  refused('targz-bomb', 'LIMIT_EXCEEDED', 'bomb', () =>
    tarOf([{ header: { name: 'bomb' }, data: Buffer.alloc(64 << 20) }]),
  ),
  refused('targz-bomb-of-padding', [CORRUPT, 'LIMIT_EXCEEDED', 'UNSUPPORTED_FORMAT'], '', () =>
    gzipSync(Buffer.alloc(96 << 20)),
  ),
  refused('targz-in-gzip', ['UNSUPPORTED_FORMAT', CORRUPT], '', async () => gzipSync(await tarNamed('a')())),
  refused('targz-cut-short', CORRUPT, 'tar', async () =>
    (await tarOf([{ header: { name: 'model.json' }, data: fixture('keras/dense.h5') }])).subarray(0, 6000),
  ),
  refused('gzip-of-text', 'UNSUPPORTED_FORMAT', 'gzip', () => gzipSync('not a tar '.repeat(200))),
  refused('gzip-of-h5', 'UNSUPPORTED_FORMAT', 'gunzip', () => gzipSync(fixture('keras/dense.h5'))),
];

/** The header's own checksum, so that the lie in it is believed. */
function withTarChecksum(bytes: Buffer): Buffer {
  bytes.write('        ', 148, 'latin1');
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
