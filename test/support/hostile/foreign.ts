/** What is no model at all, or another program's idea of one. */
import { fixture } from '../archives.js';
import { zipOf } from '../zip.js';
import { filesOf, type HostileFile } from './types.js';

const { refused } = filesOf('FOREIGN', 'foreign');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const FORMAT = 'UNSUPPORTED_FORMAT';

/** A pickle that would call `os.system` when it is loaded. */
const pickle = (path: string): Buffer => bytesOf(`\x80\x04cposix\nsystem\n(Vcat ${path}\ntR.`);

export const FOREIGN_FILES: readonly HostileFile[] = [
  refused('empty', 'CORRUPT_ARTIFACT', 'empty', () => Buffer.alloc(0)),
  refused('one-byte', FORMAT, 'begins with', () => Buffer.from([0])),
  refused('zeros', FORMAT, 'begins with', () => Buffer.alloc(1 << 20)),
  refused('text', FORMAT, 'plain text', () => Buffer.from('not a model, '.repeat(100))),
  refused('terminal-escapes', FORMAT, 'no known', () =>
    bytesOf('\x1b[2J\x1b[31mowned\x1b]0;title\x07'.repeat(50)),
  ),
  refused('pickle', FORMAT, 'pickle', ({ path }) => pickle(path)),
  refused('pickle-protocol-0', FORMAT, '', ({ path }) => bytesOf(`cposix\nsystem\n(S'cat ${path}'\ntR.`)),
  refused('joblib-compressed-pickle', FORMAT, '', ({ path }) =>
    Buffer.concat([bytesOf('ZF0x19'), pickle(path)]),
  ),
  refused('pytorch', FORMAT, 'data.pkl', ({ path }) =>
    zipOf([
      { name: 'model/data.pkl', data: pickle(path) },
      { name: 'model/version', data: bytesOf('3') },
      { name: 'model/data/0', data: Buffer.alloc(64) },
    ]),
  ),
  refused('7z', FORMAT, '7-Zip', () =>
    Buffer.concat([bytesOf('7z\xbc\xaf\x27\x1c\0\x04'), Buffer.alloc(200)]),
  ),
  refused('rar', FORMAT, 'RAR', () => Buffer.concat([bytesOf('Rar!\x1a\x07\x01\0'), Buffer.alloc(200)])),
  refused('numpy-of-objects', FORMAT, 'NumPy', ({ path }) =>
    Buffer.concat([
      bytesOf("\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n"),
      pickle(path),
    ]),
  ),
  refused('html', FORMAT, 'web page', () => bytesOf('<!doctype html><script>alert(1)</script>')),
  refused('elf', FORMAT, 'begins with', () =>
    Buffer.concat([bytesOf('\x7fELF\x02\x01\x01'), Buffer.alloc(500)]),
  ),
  refused('script', FORMAT, 'plain text', ({ path }) => bytesOf(`#!/bin/sh\ncat ${path}\n`)),
  refused('lfs-pointer', FORMAT, 'LFS', () =>
    bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99999999999\n'),
  ),
  refused('safetensors-with-a-huge-header', FORMAT, 'begins with', () => {
    const head = Buffer.alloc(9, '{');
    head.writeBigUInt64LE(2n ** 62n);
    return head;
  }),
  refused('json-of-500000-brackets', [FORMAT, 'LIMIT_EXCEEDED', 'CORRUPT_ARTIFACT'], '', () =>
    bytesOf(`{"a":${'['.repeat(500_000)}`),
  ),
  refused('json-with-a-giant-number', [FORMAT, 'CORRUPT_ARTIFACT'], '', () =>
    bytesOf(`{"a":1${'0'.repeat(500_000)}}`),
  ),
  refused('model-json-alone', FORMAT, 'model.json', () =>
    bytesOf('{"modelTopology": {}, "weightsManifest": []}'),
  ),
  refused('pickled-config-in-json', FORMAT, '', () => bytesOf('{"py/object": "os.system", "py/reduce": []}')),
  refused('flatbuffer', FORMAT, 'Lite', () =>
    Buffer.concat([Buffer.from([28, 0, 0, 0]), bytesOf('TFL3'), Buffer.alloc(64)]),
  ),
  refused('h5-magic-only', 'CORRUPT_ARTIFACT', 'HDF5', () => bytesOf('\x89HDF\r\n\x1a\n')),
  refused('zip-magic-only', 'CORRUPT_ARTIFACT', 'zip', () => bytesOf('PK\x03\x04')),
  refused('gzip-magic-only', ['CORRUPT_ARTIFACT', FORMAT], '', () => bytesOf('\x1f\x8b')),
  refused('ustar-magic-only', 'CORRUPT_ARTIFACT', 'tar', () => {
    const bytes = Buffer.alloc(512);
    bytes.write('ustar', 257, 'latin1');
    return bytes;
  }),
  refused('h5-behind-noise', FORMAT, '', () => Buffer.concat([Buffer.alloc(512), fixture('keras/dense.h5')])),
];
