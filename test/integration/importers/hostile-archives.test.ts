/** Files that are no model of ours, and archives that lie, reach out or explode. */
import { describe } from 'vitest';
import { fixture, tarOf, unzip } from '../../support/archives.js';
import { bytesOf, refusesEach, type HostileCase } from '../../support/hostile.js';
import { zipOf } from '../../support/zip.js';

const denseFiles = await unzip(fixture('keras/dense.keras'));
const denseEntries = [...denseFiles].map(([name, data]) => ({ name, data }));
const truncated = (name: string, length: number) => () => fixture(name).subarray(0, length);

const FOREIGN: readonly HostileCase[] = [
  ['1 kB of text', () => Buffer.from('this is not a model, '.repeat(50)), 'UNSUPPORTED_FORMAT', 'plain text'],
  [
    '1 kB of noise',
    () => Buffer.from(Array.from({ length: 1024 }, (_, i) => (i * 197 + 31) & 255)),
    'UNSUPPORTED_FORMAT',
    'begins with',
  ],
  ['an empty file', () => Buffer.alloc(0), 'CORRUPT_ARTIFACT', 'empty'],
  [
    'a pickle',
    () => Buffer.concat([Buffer.from([0x80, 4, 0x95]), Buffer.alloc(64)]),
    'UNSUPPORTED_FORMAT',
    'pickle',
  ],
  [
    'a PyTorch zip',
    () =>
      zipOf([
        { name: 'm/data.pkl', data: bytesOf('x') },
        { name: 'm/version', data: bytesOf('3') },
      ]),
    'UNSUPPORTED_FORMAT',
    'data.pkl',
  ],
  [
    'a SavedModel of letters',
    () =>
      zipOf([
        { name: 'm/saved_model.pb', data: bytesOf('x') },
        { name: 'm/variables/variables.index', data: bytesOf('x') },
      ]),
    'CORRUPT_ARTIFACT',
    'saved_model.pb',
  ],
  [
    'an ONNX file without a graph',
    () => Buffer.concat([Buffer.from([0x08, 0x08, 0x12, 0x07]), bytesOf('pytorch')]),
    'CORRUPT_ARTIFACT',
    'graph',
  ],
  [
    'a safetensors file',
    () => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(60n);
      return Buffer.concat([head, bytesOf(`{"w":{}}${' '.repeat(60)}`)]);
    },
    'UNSUPPORTED_FORMAT',
    'safetensors',
  ],
  [
    'model.json alone',
    () => Buffer.from('{"modelTopology": {}, "weightsManifest": []}'),
    'UNSUPPORTED_FORMAT',
    'model.json',
  ],
  ['a zip of an h5', () => zipOf([{ name: 'my.h5', data: bytesOf('x') }]), 'UNSUPPORTED_FORMAT', 'my.h5'],
];

const ARCHIVES: readonly HostileCase[] = [
  [
    'a zip that climbs out',
    () => zipOf([{ name: '../../etc/passwd', data: bytesOf('x') }]),
    'CORRUPT_ARTIFACT',
    '../../etc/passwd',
  ],
  [
    'a zip with an absolute name',
    () => zipOf([{ name: '/etc/passwd', data: bytesOf('x') }]),
    'CORRUPT_ARTIFACT',
    '/etc/passwd',
  ],
  [
    'a zip with a backslash',
    () => zipOf([{ name: 'a\\..\\b', data: bytesOf('x') }]),
    'CORRUPT_ARTIFACT',
    'a\\..\\b',
  ],
  [
    'a zip with two entries of one name',
    () => zipOf([...denseEntries, ...denseEntries.slice(0, 1)]),
    'CORRUPT_ARTIFACT',
    denseEntries[0]?.name ?? '?',
  ],
  [
    'a zip with a symbolic link',
    () => zipOf([{ name: 'model.json', data: bytesOf('/etc/passwd'), mode: 0o120777 }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'an encrypted zip',
    () => zipOf([{ name: 'model.json', data: bytesOf('x'.repeat(20)), encrypted: true, declaredSize: 8 }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a zip with a wrong checksum',
    () => zipOf([{ name: 'model.json', data: bytesOf('{}'), crc: 1 }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a zip whose headers disagree',
    () => zipOf([{ name: 'model.json', data: bytesOf('{}'), localName: 'nodel.json' }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a zip bomb',
    () => zipOf([{ name: 'bomb', data: Buffer.alloc(64 << 20), deflate: true }]),
    'LIMIT_EXCEEDED',
    'bomb',
  ],
  [
    'a zip that hides its size',
    () => zipOf([{ name: 'bomb', data: Buffer.alloc(32 << 20), deflate: true, declaredSize: 10 }]),
    'CORRUPT_ARTIFACT',
    'bomb',
  ],
  [
    'a zip of 3000 entries',
    () => zipOf(Array.from({ length: 3000 }, (_, i) => ({ name: `f${i}`, data: bytesOf('x') }))),
    'LIMIT_EXCEEDED',
    '2048',
  ],
  ['a truncated zip', truncated('keras/dense.keras', 9000), 'CORRUPT_ARTIFACT', 'zip'],
  [
    'a tar with a symbolic link',
    () => tarOf([{ header: { name: 'model.json', type: 'symlink', linkname: '/etc/passwd' } }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a tar with a hard link',
    () => tarOf([{ header: { name: 'model.json', type: 'link', linkname: '/etc/passwd' } }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a tar with a device',
    () => tarOf([{ header: { name: 'model.json', type: 'character-device' } }]),
    'CORRUPT_ARTIFACT',
    'model.json',
  ],
  [
    'a tar that climbs out',
    () => tarOf([{ header: { name: '../x' }, data: bytesOf('x') }]),
    'CORRUPT_ARTIFACT',
    '../x',
  ],
  [
    'a tar.gz bomb',
    () => tarOf([{ header: { name: 'bomb' }, data: Buffer.alloc(64 << 20) }]),
    'LIMIT_EXCEEDED',
    'bomb',
  ],
  [
    'a truncated tar.gz',
    async () =>
      (
        await tarOf([{ header: { name: 'model.json' }, data: Buffer.from(denseEntries[0]?.data ?? '') }])
      ).subarray(0, 60),
    'CORRUPT_ARTIFACT',
    'tar',
  ],
];

describe('what is no model of ours', () => {
  refusesEach(FOREIGN);
});
describe('archives', () => {
  refusesEach(ARCHIVES);
});
