/** Data files beside an ONNX file: what comes into the model, and every place that is refused. */
import { describe, expect, it } from 'vitest';
import { bufferSource, type ByteSource } from '../../../src/importers/byte-source.js';
import { readOnnxArchive } from '../../../src/importers/onnx.js';
import { Refused } from '../../../src/importers/refused.js';
import type { ImportRefusal } from '../../../src/importers/types.js';
import {
  externalTensor,
  floats,
  graph,
  node,
  onnxModel,
  part,
  TYPE,
  value,
} from '../../support/onnx-model.js';
import { ifWith, X, Y } from '../../support/onnx-reading.js';

type Place = Readonly<Record<string, string>>;

const WEIGHTS = floats(1, 2, 3, 4);

/** `y = x + w (+ v)`, each weight of two floats in a data file. */
function modelWith(...places: readonly Place[]): Buffer {
  const names = places.map((_, at) => `w${at}`);
  return onnxModel({
    nodes: names.map((name, at) => node('Add', [at === 0 ? 'x' : `t${at - 1}`, name], [`t${at}`])),
    inputs: X,
    outputs: [value(`t${places.length - 1}`, TYPE.float, ['n', 2])],
    initializers: places.map((place, at) => externalTensor(names[at] ?? '', TYPE.float, [2], place)),
  });
}

function read(model: Uint8Array, others: Readonly<Record<string, Uint8Array>>, folder = '') {
  const files = new Map<string, ByteSource>([
    [`${folder}model.onnx`, bufferSource(model)],
    ...Object.entries(others).map(([name, data]): [string, ByteSource] => [name, bufferSource(data)]),
  ]);
  const converted = readOnnxArchive({ files, folder: '' }, { model: `${folder}model.onnx`, base: folder });
  const bytes = Buffer.concat((converted.files ?? []).flatMap((file) => [...file.read()]));
  return { converted, bytes };
}

function refusalOf(
  place: Place,
  others: Readonly<Record<string, Uint8Array>> = { w: WEIGHTS },
): ImportRefusal {
  try {
    read(modelWith(place), others);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
  throw new Error('The file was accepted.');
}

describe('weights in data files become part of the one file', () => {
  it('from the places that they name, and the names are gone', () => {
    const { converted, bytes } = read(
      modelWith(
        { location: 'weights.bin', offset: '0', length: '8' },
        { location: 'weights.bin', offset: '8', length: '8' },
      ),
      { 'weights.bin': WEIGHTS },
    );
    expect(converted.parameters).toBe(4);
    expect(bytes.includes(WEIGHTS.subarray(0, 8))).toBe(true);
    expect(bytes.includes(WEIGHTS.subarray(8))).toBe(true);
    expect(bytes.includes('weights.bin')).toBe(false);
    expect(converted.notes).toEqual([]);
  });

  it('from a whole file where no offset and length are given, with a checksum, and from "./"', () => {
    const { bytes } = read(modelWith({ location: './w', checksum: 'any' }), { w: WEIGHTS.subarray(0, 8) });
    expect(bytes.includes(WEIGHTS.subarray(0, 8))).toBe(true);
  });

  it('from beside the model, when it lies in a folder', () => {
    const { bytes } = read(
      modelWith({ location: 'w', length: '8' }),
      { 'onnx/w': WEIGHTS, w: new Uint8Array(16) },
      'onnx/',
    );
    expect(bytes.includes(WEIGHTS.subarray(0, 8))).toBe(true);
  });

  it('also in attributes and branches', () => {
    const constant = part(
      5,
      Buffer.concat([
        part(1, 'value'),
        part(5, externalTensor('c', TYPE.float, [2], { location: 'w', length: '8' })),
        Buffer.of(0xa0, 1, 4),
      ]),
    );
    const branch = graph({
      nodes: [Buffer.concat([node('Constant', [], ['c']), constant]), node('Add', ['x', 'c'], ['z'])],
      outputs: Y,
    });
    const { bytes } = read(ifWith(branch), { w: WEIGHTS });
    expect(bytes.includes(WEIGHTS.subarray(0, 8))).toBe(true);
  });

  it('twice, for two tensors that are tied', () => {
    const tied = { location: 'w', offset: '8', length: '8' };
    expect(read(modelWith(tied, tied), { w: WEIGHTS }).converted.parameters).toBe(4);
  });

  it('and says which files were left out', () => {
    const { converted } = read(modelWith({ location: 'w', length: '8' }), {
      w: WEIGHTS,
      'config.json': WEIGHTS,
    });
    expect(converted.notes.join()).toContain('"config.json"');
  });
});

describe('a place that is refused by name', () => {
  it.each<[string, RegExp]>([
    ['../w', /leaves the archive/],
    ['a/../../w', /leaves the archive/],
    ['..', /leaves the archive/],
    ['/etc/passwd', /is absolute/],
    ['//w', /is absolute/],
    ['C:w', /names a drive/],
    ['C:\\w', /backslash/],
    ['..\\w', /backslash/],
    ['%2e%2e/w', /percent-encoded/],
    ['%77', /percent-encoded/],
    ['file:///etc/passwd', /is an address/],
    ['https://example.com/w', /is an address/],
    ['*/_ORT_MEM_ADDR_/*', /no data file of the archive/],
    ['', /is empty/],
    ['.', /empty step/],
    ['w\0', /control character/],
    ['model.onnx', /no data file of the archive/],
    ['W', /no data file of the archive/],
  ])('the location %j', (location, message) => {
    const refusal = refusalOf({ location, length: '8' });
    expect([refusal.code, refusal.subject]).toEqual(['UNSUPPORTED_TENSOR', 'w0']);
    expect(refusal.message).toMatch(message);
  });

  it.each<[string, Place, RegExp]>([
    ['an offset behind the end', { offset: '16', length: '8' }, /asks for 8 bytes at 16/],
    ['a length behind the end', { offset: '12', length: '8' }, /asks for 8 bytes at 12/],
    [
      'an offset of 2^64',
      { offset: '18446744073709551616', length: '8' },
      /the offset "18446744073709551616"/,
    ],
    ['an offset of 2^53', { offset: '9007199254740992', length: '8' }, /the offset/],
    ['a negative offset', { offset: '-8', length: '8' }, /the offset "-8"/],
    ['a length in words', { length: '0x8' }, /the length "0x8"/],
    ['a length unlike the shape', { length: '4' }, /has 4 bytes.*says 8/],
    ['no length in a longer file', {}, /has 16 bytes.*says 8/],
    ['a key that is unknown', { length: '8', basepath: '/etc' }, /"basepath"/],
  ])('%s', (_what, place, message) => {
    const refusal = refusalOf({ location: 'w', ...place });
    expect([refusal.code, refusal.subject]).toEqual(['CORRUPT_ARTIFACT', 'w0']);
    expect(refusal.message).toMatch(message);
  });

  it('ranges of two tensors that overlap', () => {
    const overlapping = modelWith(
      { location: 'w', offset: '0', length: '8' },
      { location: 'w', offset: '4', length: '8' },
    );
    expect(() => read(overlapping, { w: WEIGHTS })).toThrow(/"w0" and "w1" overlap in "w"/);
  });

  it('a small file that a thousand tensors name', () => {
    const size = 2 ** 18;
    const places = Array.from({ length: 1000 }, (_, at) => `w${at}`);
    const bomb = onnxModel({
      nodes: [node('Abs', ['x'], ['y'])],
      inputs: X,
      outputs: Y,
      initializers: places.map((name) => externalTensor(name, TYPE.float, [size / 4], { location: 'w' })),
    });
    expect(() => read(bomb, { w: new Uint8Array(size) })).toThrow(/bytes from data files of 262144 bytes/);
  });

  it('strings, whose values have no bytes of their own', () => {
    const model = onnxModel({
      nodes: [node('Abs', ['x'], ['y'])],
      inputs: X,
      outputs: Y,
      initializers: [externalTensor('s', TYPE.string, [2], { location: 'w' })],
    });
    expect(() => read(model, { w: WEIGHTS })).toThrow(/"s" is string/);
  });
});
