/** Files as people have them: packed by other tools, or not models at all. Each refusal says what would work. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fixture, smallGraph, SMALL_GRAPH_WEIGHTS, unzip } from '../../support/archives.js';
import { bytesOf, readInProcess, refusesEach } from '../../support/hostile.js';
import { zipOf } from '../../support/zip.js';

const json = Buffer.from(JSON.stringify(smallGraph()));
const shard = 'group1-shard1of1.bin';

describe('a TFJS model is accepted', () => {
  it.each<[string, Buffer]>([
    [
      'with names in upper case',
      zipOf([
        { name: 'NET/MODEL.JSON', data: json },
        { name: `NET/${shard.toUpperCase()}`, data: SMALL_GRAPH_WEIGHTS },
      ]),
    ],
    [
      'with what macOS adds',
      zipOf([
        { name: 'net/model.json', data: json },
        { name: `net/${shard}`, data: SMALL_GRAPH_WEIGHTS },
        { name: '__MACOSX/net/._model.json', data: bytesOf('x') },
        { name: 'net/.DS_Store', data: bytesOf('x') },
      ]),
    ],
    [
      'with a byte order mark',
      zipOf([
        { name: 'model.json', data: Buffer.concat([bytesOf('\xef\xbb\xbf'), json]) },
        { name: shard, data: SMALL_GRAPH_WEIGHTS },
      ]),
    ],
    [
      'with the exact spelling beside another',
      zipOf([
        { name: 'model.json', data: json },
        { name: 'MODEL.JSON', data: bytesOf('{}') },
        { name: shard, data: SMALL_GRAPH_WEIGHTS },
        { name: shard.toUpperCase(), data: bytesOf('x') },
      ]),
    ],
  ])('%s', async (_how, bytes) => {
    expect(await readInProcess(bytes)).toBeNull();
  });
});

describe('what is no model, or half of one', () => {
  refusesEach([
    [
      'a shard that two files could be',
      () =>
        zipOf([
          { name: 'model.json', data: json },
          { name: shard.toUpperCase(), data: SMALL_GRAPH_WEIGHTS },
          { name: shard.replace('g', 'G'), data: SMALL_GRAPH_WEIGHTS },
        ]),
      'CORRUPT_ARTIFACT',
      shard,
    ],
    ['shards alone', () => zipOf([{ name: shard, data: bytesOf('x') }]), 'UNSUPPORTED_FORMAT', shard],
    ['ONNX in a zip', () => zipOf([{ name: 'A.ONNX', data: bytesOf('x') }]), 'UNSUPPORTED_FORMAT', 'A.ONNX'],
    ['.H5 in a zip', () => zipOf([{ name: 'M.H5', data: bytesOf('x') }]), 'UNSUPPORTED_FORMAT', 'M.H5'],
    [
      'safetensors in a zip',
      () => zipOf([{ name: 'model.safetensors', data: bytesOf('x') }]),
      'UNSUPPORTED_FORMAT',
      'model.safetensors',
    ],
    [
      'a .keras without its weights',
      async () => {
        const files = await unzip(fixture('keras/dense.keras'));
        return zipOf(
          [...files].filter(([name]) => name.endsWith('.json')).map(([name, data]) => ({ name, data })),
        );
      },
      'UNSUPPORTED_FORMAT',
      'config.json',
    ],
    ['a gzipped .h5', () => gzipSync(fixture('keras/dense.h5')), 'UNSUPPORTED_FORMAT', 'gunzip'],
    ['RAR', () => bytesOf('Rar!\x1a\x07\x01\0'), 'UNSUPPORTED_FORMAT', 'RAR archive'],
    ['7-Zip', () => bytesOf('7z\xbc\xaf\x27\x1c\0'), 'UNSUPPORTED_FORMAT', '7-Zip archive'],
    ['bzip2', () => bytesOf('BZh91AY&SY'), 'UNSUPPORTED_FORMAT', 'bzip2'],
    ['xz', () => bytesOf('\xfd7zXZ\0\0'), 'UNSUPPORTED_FORMAT', 'xz'],
    ['zstd', () => bytesOf('\x28\xb5\x2f\xfd\x04'), 'UNSUPPORTED_FORMAT', 'zstd'],
    ['a picture', () => fixture('digits/test/00.png'), 'UNSUPPORTED_FORMAT', 'PNG'],
    [
      'a Git LFS pointer',
      () => bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:abc\n'),
      'UNSUPPORTED_FORMAT',
      'git lfs pull',
    ],
    ['a web page', () => bytesOf('<!doctype html><p>404'), 'UNSUPPORTED_FORMAT', 'web page'],
  ]);

  it('a sentence of another library does not end twice', async () => {
    const refusal = await readInProcess(fixture('keras/dense.keras').subarray(0, 9000));
    expect(refusal?.message).toMatch(/[^.]\.$/);
  });
});
