/** ONNX files whose operators, functions or bytes are hostile, each refused by name before any engine sees it. */
import { describe, expect, it } from 'vitest';
import {
  attribute,
  graph,
  int,
  node,
  onnxFunction,
  onnxModel,
  part,
  TYPE,
  unaryModel,
  value,
} from '../../support/onnx-model.js';
import {
  ifWith,
  itRefuses,
  onnxFixture,
  refusalOf,
  SOUND,
  X,
  Y,
  type HostileRow,
} from '../../support/onnx-reading.js';

function nestedIf(depth: number): Buffer {
  let inner = graph({ nodes: [node('Abs', ['x'], ['z'])], outputs: [value('z', TYPE.float)] });
  for (let i = 0; i < depth; i++) {
    const nested = node('If', ['f'], ['z'], { attributes: [attribute.graph('then_branch', inner)] });
    inner = graph({ nodes: [nested], outputs: [value('z', TYPE.float)] });
  }
  return ifWith(inner);
}

/** Each function calls the next one twice. */
function functionBomb(count: number): Buffer {
  const names = Array.from({ length: count }, (_, i) => `f${i}`);
  const functions = names.map((name, i) =>
    onnxFunction(
      'mine',
      name,
      i + 1 < count
        ? [
            node(`f${i + 1}`, ['a'], ['c'], { domain: 'mine' }),
            node(`f${i + 1}`, ['c'], ['b'], { domain: 'mine' }),
          ]
        : [node('Abs', ['a'], ['b'])],
      [['mine', 1]],
    ),
  );
  return onnxModel({
    nodes: [node('f0', ['x'], ['y'], { domain: 'mine' })],
    inputs: X,
    outputs: Y,
    opsets: [['mine', 1]],
    functions,
  });
}

const selfCalling = onnxModel({
  nodes: [node('f', ['x'], ['y'], { domain: 'mine' })],
  inputs: X,
  outputs: Y,
  opsets: [['mine', 1]],
  functions: [onnxFunction('mine', 'f', [node('f', ['a'], ['b'], { domain: 'mine' })], [['mine', 1]])],
});

const ROWS: readonly HostileRow[] = [
  [
    'an operator of a custom domain',
    () => unaryModel('Shell', 1, { name: 'run', domain: 'evil.ops' }),
    'UNSUPPORTED_OP',
    'run',
    /evil\.ops\.Shell.*domain "evil\.ops"/,
  ],
  ['an operator that nobody knows', () => unaryModel('Absolute', 1), 'UNSUPPORTED_OP', 'y', /"Absolute"/],
  [
    'an operator that parses pictures',
    () => unaryModel('ImageDecoder', 1, { opset: 20 }),
    'UNSUPPORTED_OP',
    'y',
    /ImageDecoder/,
  ],
  [
    'a contributed operator off the list',
    () => unaryModel('BeamSearch', 1, { domain: 'com.microsoft' }),
    'UNSUPPORTED_OP',
    'y',
    /com\.microsoft\.BeamSearch/,
  ],
  [
    'a forbidden operator in a branch',
    () => ifWith(graph({ nodes: [node('RegexFullMatch', ['x'], ['z'], { name: 'deep' })], outputs: Y })),
    'UNSUPPORTED_OP',
    'deep',
    /RegexFullMatch/,
  ],
  [
    'a forbidden operator in a function nobody calls',
    () =>
      onnxModel({
        nodes: [node('Abs', ['x'], ['y'])],
        inputs: X,
        outputs: Y,
        functions: [onnxFunction('mine', 'f', [node('Shell', ['a'], ['b'], { domain: 'evil' })])],
      }),
    'UNSUPPORTED_OP',
    'b',
    /evil\.Shell/,
  ],
  [
    'a function that takes the place of a standard operator',
    () =>
      onnxModel({
        nodes: [node('Abs', ['x'], ['y'])],
        inputs: X,
        outputs: Y,
        functions: [onnxFunction('', 'Abs', [node('Neg', ['a'], ['b'])])],
      }),
    'UNSUPPORTED_OP',
    'Abs',
    /anew/,
  ],
  [
    'a graph on an operator that takes none',
    () => unaryModel('Abs', 1, { attributes: [attribute.graph('body', graph({ nodes: [], outputs: Y }))] }),
    'UNSUPPORTED_OP',
    'y',
    /carries a graph/,
  ],
  [
    'ZipMap in the middle',
    () =>
      onnxModel({
        nodes: [node('ZipMap', ['x'], ['m'], { domain: 'ai.onnx.ml' }), node('Abs', ['x'], ['y'])],
        inputs: X,
        outputs: Y,
      }),
    'UNSUPPORTED_OP',
    'm',
    /zipmap/,
  ],
  ['thirty branches in each other', () => nestedIf(20), 'LIMIT_EXCEEDED', null, /nest/],
  ['ten thousand branches in each other', () => nestedIf(2000), 'LIMIT_EXCEEDED', null, /nests more than/],
  ['a function that calls itself', () => selfCalling, 'CORRUPT_ARTIFACT', 'f', /calls itself/],
  ['functions that unfold to 2^30 nodes', () => functionBomb(30), 'LIMIT_EXCEEDED', null, /unfolded/],
  [
    'an attribute without a value of its type',
    () => unaryModel('Elu', 1, { attributes: [Buffer.concat([part(1, 'alpha'), int(3, 1), int(20, 1)])] }),
    'CORRUPT_ARTIFACT',
    'y',
    /"alpha"/,
  ],
  [
    'an attribute with two values',
    () => unaryModel('Elu', 1, { attributes: [Buffer.concat([attribute.int('alpha', 1), part(4, 'x')])] }),
    'CORRUPT_ARTIFACT',
    'y',
    /"alpha"/,
  ],
  [
    'an attribute twice',
    () => unaryModel('Elu', 1, { attributes: [attribute.int('a', 1), attribute.int('a', 2)] }),
    'CORRUPT_ARTIFACT',
    'y',
    /twice/,
  ],
  [
    'an opset from the future',
    () => unaryModel('Abs', 1, { opset: 99 }),
    'UNSUPPORTED_FORMAT',
    'ai.onnx',
    /version 99/,
  ],
  [
    'an IR version from the future',
    () => unaryModel('Abs', 1, { ir: 60 }),
    'UNSUPPORTED_FORMAT',
    'ir_version',
    /IR version 60/,
  ],
  [
    'one domain in two versions',
    () => unaryModel('Abs', 1, { opsets: [['ai.onnx', 13]] }),
    'CORRUPT_ARTIFACT',
    'ai.onnx',
    /twice/,
  ],
  [
    'two graphs, of which parsers take the last',
    () =>
      Buffer.concat([SOUND, part(7, graph({ nodes: [node('Shell', ['x'], ['y'])], inputs: X, outputs: Y }))]),
    'CORRUPT_ARTIFACT',
    null,
    /field graph twice/,
  ],
  [
    'a field that the format has not',
    () => Buffer.concat([SOUND, part(77, 'smuggled')]),
    'UNSUPPORTED_FORMAT',
    'ModelProto.77',
    /does not know/,
  ],
  [
    'a field with another wire type',
    () => Buffer.concat([int(1, 8), int(7, 5)]),
    'CORRUPT_ARTIFACT',
    null,
    /wire type/,
  ],
  [
    'a group, which proto3 has not',
    () => Buffer.concat([SOUND, Buffer.of(0x3b)]),
    'CORRUPT_ARTIFACT',
    null,
    /wire type/,
  ],
  [
    'a length of 2 GiB',
    () => Buffer.concat([int(1, 8), Buffer.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07), SOUND]),
    'CORRUPT_ARTIFACT',
    null,
    /reaches past/,
  ],
  [
    'an overlong number',
    () => Buffer.concat([Buffer.of(0x08, 0x88, 0x80, 0x00), SOUND]),
    'CORRUPT_ARTIFACT',
    null,
    /overlong/,
  ],
  [
    'an endless number',
    () => Buffer.concat([Buffer.of(0x08), Buffer.alloc(20, 0xff)]),
    'CORRUPT_ARTIFACT',
    null,
    /endless/,
  ],
  [
    'a name that is no UTF-8',
    () => unaryModel('Abs', 1, { attributes: [part(1, Uint8Array.of(0xc0, 0xaf))] }),
    'CORRUPT_ARTIFACT',
    null,
    /no UTF-8/,
  ],
  ['a file cut short', () => onnxFixture('cnn').subarray(0, 5000), 'CORRUPT_ARTIFACT', null, /damaged/],
  [
    'a file without a graph',
    () => Buffer.concat([int(1, 8), part(2, 'me')]),
    'CORRUPT_ARTIFACT',
    null,
    /no graph/,
  ],
];

describe('hostile operators, functions and bytes are refused by name', () => {
  itRefuses(ROWS);

  it('of a hundred thousand and one nodes', () => {
    const nodes = Array.from({ length: 100_001 }, () => node('Abs', ['x'], ['y']));
    expect(refusalOf(onnxModel({ nodes, inputs: X, outputs: Y })).code).toBe('LIMIT_EXCEEDED');
  });
});
