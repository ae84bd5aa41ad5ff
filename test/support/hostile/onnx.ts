/** ONNX files that lie about themselves, grow, or never end. */
import {
  attribute,
  floats,
  graph,
  int,
  int64s,
  node,
  onnxFunction,
  onnxModel,
  part,
  tensor,
  TYPE,
  unaryModel,
  value,
  type ModelParts,
} from '../onnx-model.js';
import { filesOf, type HostileFile } from './types.js';

const { refused, stopped, contained } = filesOf('ONNX', 'onnx');
const OP = 'UNSUPPORTED_OP';
const TENSOR = 'UNSUPPORTED_TENSOR';
const CORRUPT = 'CORRUPT_ARTIFACT';
const LIMIT = 'LIMIT_EXCEEDED';
const TOO_MUCH = [
  'TRIAL_FAILED',
  'IMPORT_OUT_OF_MEMORY',
  'IMPORT_CRASHED',
  'IMPORT_TIMED_OUT',
  LIMIT,
] as const;

const X = [value('x', TYPE.float, ['n', 2])];
const Y = [value('y', TYPE.float, ['n', 2])];
const model = (parts: Partial<ModelParts>): Buffer =>
  onnxModel({ nodes: [node('Add', ['x', 'w'], ['y'])], inputs: X, outputs: Y, ...parts });

const branchOf = (depth: number): Buffer => {
  let inner = graph({ nodes: [node('Abs', ['x'], ['z'])], outputs: [value('z', TYPE.float)] });
  for (let i = 0; i < depth; i++) {
    const nested = node('If', ['f'], ['z'], { attributes: [attribute.graph('then_branch', inner)] });
    inner = graph({ nodes: [nested], outputs: [value('z', TYPE.float)] });
  }
  return onnxModel({
    nodes: [
      node('If', ['f'], ['y'], {
        attributes: [
          attribute.graph('then_branch', inner),
          attribute.graph('else_branch', graph({ nodes: [node('Abs', ['x'], ['z'])], outputs: Y })),
        ],
      }),
    ],
    inputs: [value('f', TYPE.bool, []), ...X],
    outputs: Y,
  });
};

function functionsThatDouble(count: number): Buffer {
  const functions = Array.from({ length: count }, (_, i) =>
    onnxFunction(
      'mine',
      `f${i}`,
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

/** A loop that turns `trips` times, or for ever where it is `null`. */
function loop(trips: bigint | null): Buffer {
  const body = graph({
    nodes: [node('Identity', ['go'], ['on']), node('Identity', ['s'], ['t'])],
    inputs: [value('i', TYPE.int64, []), value('go', TYPE.bool, []), value('s', TYPE.float, ['n'])],
    outputs: [value('on', TYPE.bool, []), value('t', TYPE.float, ['n'])],
  });
  return onnxModel({
    nodes: [
      node('Loop', [trips === null ? '' : 'trips', 'yes', 'x'], ['y'], {
        attributes: [attribute.graph('body', body)],
      }),
    ],
    inputs: [value('x', TYPE.float)],
    outputs: [value('y', TYPE.float)],
    initializers: [
      ...(trips === null ? [] : [tensor('trips', TYPE.int64, [], int64s(trips))]),
      tensor('yes', TYPE.bool, [], Uint8Array.of(1)),
    ],
  });
}

/** `x + sum(big)`, where an op makes `big` from a small constant. */
const summed = (nodes: readonly Buffer[], initializers: readonly Buffer[]): Buffer =>
  onnxModel({
    nodes: [
      ...nodes,
      node('ReduceSum', ['big'], ['s'], { attributes: [attribute.int('keepdims', 0)] }),
      node('Add', ['x', 's'], ['y']),
    ],
    inputs: X,
    outputs: Y,
    initializers,
  });

export const HOSTILE_ONNX: readonly HostileFile[] = [
  refused('op-of-a-custom-domain', OP, 'run', () =>
    unaryModel('Shell', 1, { name: 'run', domain: 'evil.ops' }),
  ),
  refused('op-unknown', OP, 'y', () => unaryModel('Absolute', 1)),
  refused('op-constructor', OP, 'y', () => unaryModel('constructor', 1)),
  refused('op-that-parses-pictures', OP, 'y', () => unaryModel('ImageDecoder', 1, { opset: 20 })),
  refused('op-regex', OP, 'y', () => unaryModel('RegexFullMatch', 8, { opset: 20 })),
  refused('op-pyop', OP, 'y', () => unaryModel('PyOp', 1, { domain: 'ai.onnx.contrib' })),
  refused('op-in-a-function-nobody-calls', OP, 'b', () =>
    model({
      nodes: [node('Abs', ['x'], ['y'])],
      functions: [onnxFunction('mine', 'f', [node('Shell', ['a'], ['b'], { domain: 'evil' })])],
    }),
  ),
  refused('name-with-escapes', OP, '?[2J', () =>
    unaryModel('Shell', 1, { name: 'run\x1b[2J\n\u202e', domain: 'evil' }),
  ),
  refused('function-that-calls-itself', [OP, CORRUPT, LIMIT], '', () =>
    onnxModel({
      nodes: [node('f', ['x'], ['y'], { domain: 'mine' })],
      inputs: X,
      outputs: Y,
      opsets: [['mine', 1]],
      functions: [onnxFunction('mine', 'f', [node('f', ['a'], ['b'], { domain: 'mine' })], [['mine', 1]])],
    }),
  ),
  refused('functions-that-double-40-times', LIMIT, '', () => functionsThatDouble(40)),
  refused('branches-200-deep', [LIMIT, CORRUPT], '', () => branchOf(200)),
  refused('101000-nodes', LIMIT, '', () =>
    model({
      nodes: Array.from({ length: 101_000 }, (_, i) =>
        node('Abs', [i === 0 ? 'x' : `v${i}`], [i === 100_999 ? 'y' : `v${i + 1}`]),
      ),
    }),
  ),
  refused('values-missing', [CORRUPT, TENSOR], 'w', () =>
    model({ initializers: [tensor('w', TYPE.float, [2, 2], floats(1))] }),
  ),
  refused('dims-negative', [CORRUPT, TENSOR], 'w', () =>
    model({ initializers: [tensor('w', TYPE.float, [-2], floats(1, 2))] }),
  ),
  refused('dims-of-2-to-the-62', [CORRUPT, LIMIT, TENSOR], 'w', () =>
    model({ initializers: [tensor('w', TYPE.float, [2n ** 62n], floats(1))] }),
  ),
  refused('dims-whose-product-overflows', [CORRUPT, LIMIT, TENSOR], 'w', () =>
    model({ initializers: [tensor('w', TYPE.float, [2n ** 32n, 2n ** 32n], floats())] }),
  ),
  refused('dims-of-rank-1000', [CORRUPT, LIMIT, TENSOR], 'w', () =>
    model({ initializers: [tensor('w', TYPE.float, Array<number>(1000).fill(1), floats(1))] }),
  ),
  refused('tensor-twice', CORRUPT, 'w', () =>
    model({
      initializers: [tensor('w', TYPE.float, [2], floats(1, 2)), tensor('w', TYPE.float, [2], floats(3, 4))],
    }),
  ),
  refused('sparse-tensor', [TENSOR, CORRUPT], '', () => {
    const bytes = model({ initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] });
    const sparse = part(
      15,
      Buffer.concat([part(1, tensor('w2', TYPE.float, [1], floats(1))), int(3, 2n ** 40n)]),
    );
    return Buffer.concat([bytes, part(7, sparse)]);
  }),
  refused('length-of-2-gb', CORRUPT, '', () =>
    Buffer.concat([int(1, 8), Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07])]),
  ),
  refused('length-of-2-to-the-63', CORRUPT, '', () =>
    Buffer.concat([int(1, 8), Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])]),
  ),
  refused('varint-without-end', [CORRUPT, 'UNSUPPORTED_FORMAT'], '', () =>
    Buffer.concat([int(1, 8), Buffer.from([0x3a]), Buffer.alloc(64, 0xff)]),
  ),
  refused('groups', CORRUPT, '', () => Buffer.concat([model({}), Buffer.alloc(100_000, 0x0b)])),
  refused('unknown-field', [CORRUPT, 'UNSUPPORTED_FORMAT'], '', () =>
    Buffer.concat([model({ initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] }), part(99, 'x')]),
  ),
  refused('graph-twice', CORRUPT, '', () =>
    Buffer.concat([
      model({ initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] }),
      part(7, graph({ nodes: [], outputs: Y })),
    ]),
  ),
  refused('no-graph', CORRUPT, 'graph', () => Buffer.concat([int(1, 8), part(2, 'pytorch')])),
  refused('opset-of-the-future', ['UNSUPPORTED_FORMAT', OP, CORRUPT], '', () =>
    model({ opset: 2 ** 31 - 1, initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] }),
  ),
  contained('metadata-of-a-path', 'metadata is not kept: the file is written anew without it', ({ path }) => {
    const bytes = model({ initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] });
    return Buffer.concat([
      bytes,
      part(14, Buffer.concat([part(1, 'file'), part(2, path), part(3, 'extra')])),
    ]);
  }),
  refused('constant-of-shape-10-to-the-10', LIMIT, '', () =>
    summed(
      [node('ConstantOfShape', ['shape'], ['big'])],
      [tensor('shape', TYPE.int64, [1], int64s(10n ** 10n))],
    ),
  ),
  refused('expand-to-10-to-the-12', LIMIT, '', () =>
    summed(
      [node('Expand', ['x', 'shape'], ['big'])],
      [tensor('shape', TYPE.int64, [3], int64s(10n ** 6n, 10n ** 6n, 2n))],
    ),
  ),
  stopped('range-of-10-to-the-11', TOO_MUCH, '', () =>
    summed(
      [
        node('Range', ['from', 'to', 'step'], ['r']),
        node('Cast', ['r'], ['big'], { attributes: [attribute.int('to', 1)] }),
      ],
      [
        tensor('from', TYPE.int64, [], int64s(0)),
        tensor('to', TYPE.int64, [], int64s(10n ** 11n)),
        tensor('step', TYPE.int64, [], int64s(1)),
      ],
    ),
  ),
  stopped('tiles-of-tiles', TOO_MUCH, '', () =>
    summed(
      [
        node('Tile', ['x', 'n'], ['t1']),
        node('Tile', ['t1', 'n'], ['t2']),
        node('Tile', ['t2', 'n'], ['big']),
      ],
      [tensor('n', TYPE.int64, [2], int64s(2n ** 12n, 2n ** 12n))],
    ),
  ),
  stopped('shape-computed-at-run-time', TOO_MUCH, '', () =>
    summed(
      [
        node('Shape', ['x'], ['s0']),
        node('Mul', ['s0', 'k'], ['s1']),
        node('ConstantOfShape', ['s1'], ['big']),
      ],
      [tensor('k', TYPE.int64, [2], int64s(2n ** 20n, 2n ** 20n))],
    ),
  ),
  stopped('loop-of-2-to-the-62', ['IMPORT_TIMED_OUT', 'IMPORT_OUT_OF_MEMORY'], '', () => loop(2n ** 62n)),
  stopped('loop-without-end', ['IMPORT_TIMED_OUT', 'IMPORT_OUT_OF_MEMORY', 'TRIAL_FAILED', CORRUPT], '', () =>
    loop(null),
  ),
  stopped('cycle-of-nodes', ['TRIAL_FAILED', CORRUPT], '', () =>
    onnxModel({ nodes: [node('Add', ['x', 'z'], ['y']), node('Abs', ['y'], ['z'])], inputs: X, outputs: Y }),
  ),
  stopped('node-that-reads-nothing', ['TRIAL_FAILED', CORRUPT], '', () => model({})),
  contained(
    'weights-of-nan',
    'NaN and infinity are numbers too: the report says that outputs are not finite',
    () => model({ initializers: [tensor('w', TYPE.float, [2], floats(NaN, Infinity))] }),
  ),
  contained('documentation-with-escapes', 'metadata is not kept: the file is written anew without it', () =>
    Buffer.concat([
      model({ initializers: [tensor('w', TYPE.float, [2], floats(1, 2))] }),
      part(6, '\x1b[2J<script>alert(1)</script>\u202e'),
    ]),
  ),
];
