/** ONNX files whose tensors, inputs or outputs are hostile, each refused by name before any engine sees it. */
import { describe } from 'vitest';
import {
  attribute,
  floats,
  graph,
  int,
  int64s,
  node,
  onnxModel,
  part,
  tensor,
  tensorType,
  TYPE,
  value,
  type ModelParts,
} from '../../support/onnx-model.js';
import { ifWith, itRefuses, X, Y, type HostileRow } from '../../support/onnx-reading.js';

/** `y = x + w`, with the given `w`. */
const withWeight = (w: Uint8Array, more: Partial<ModelParts> = {}): Buffer =>
  onnxModel({ nodes: [node('Add', ['x', 'w'], ['y'])], inputs: X, outputs: Y, initializers: [w], ...more });

const location = (path: string): Buffer => part(13, Buffer.concat([part(1, 'location'), part(2, path)]));
const externalTensor = (path: string): Buffer =>
  Buffer.concat([int(1, 2), int(2, TYPE.float), part(8, 'w'), location(path), int(14, 1)]);

const sized = (op: string, shape: Uint8Array, dims = 2): Buffer =>
  onnxModel({
    nodes: [node(op, op === 'ConstantOfShape' ? ['s'] : ['x', 's'], ['y'], { name: 'big' })],
    inputs: X,
    outputs: Y,
    initializers: [tensor('s', TYPE.int64, [dims], shape)],
  });

const withSparse = Buffer.concat([
  int(1, 8),
  part(
    7,
    Buffer.concat([
      graph({ nodes: [node('Abs', ['x'], ['y'])], inputs: X, outputs: Y }),
      part(15, part(1, tensor('s', 1, [1], floats(1)))),
    ]),
  ),
  part(8, int(2, 17)),
]);

const ROWS: readonly HostileRow[] = [
  ...['../../etc/passwd', '/etc/passwd', 'weights.bin', '*/_ORT_MEM_ADDR_/*', 'file:///etc/passwd'].map(
    (path) =>
      [
        `weights in ${path}`,
        () => withWeight(externalTensor(path)),
        'UNSUPPORTED_TENSOR',
        'w',
        /keeps its values in another file/,
      ] as const,
  ),
  [
    'a data location without a place',
    () => withWeight(Buffer.concat([tensor('w', 1, [2], floats(1, 2)), int(14, 1)])),
    'UNSUPPORTED_TENSOR',
    'w',
    /another file/,
  ],
  [
    'a place although the values are here',
    () => withWeight(Buffer.concat([tensor('w', 1, [2], floats(1, 2)), location('a')])),
    'UNSUPPORTED_TENSOR',
    'w',
    /another file/,
  ],
  [
    'external values of a Constant',
    () =>
      onnxModel({
        nodes: [
          node('Constant', [], ['w'], { attributes: [attribute.tensor('value', externalTensor('x'))] }),
          node('Add', ['x', 'w'], ['y']),
        ],
        inputs: X,
        outputs: Y,
      }),
    'UNSUPPORTED_TENSOR',
    'w',
    /another file/,
  ],
  [
    'external values in a branch',
    () =>
      ifWith(graph({ nodes: [node('Abs', ['x'], ['z'])], outputs: Y, initializers: [externalTensor('x')] })),
    'UNSUPPORTED_TENSOR',
    'w',
    /another file/,
  ],
  [
    'a shape of 2^62 elements',
    () => withWeight(tensor('w', 1, [2n ** 31n, 2n ** 31n], floats(1))),
    'LIMIT_EXCEEDED',
    'w',
    /elements/,
  ],
  [
    'a negative dimension',
    () => withWeight(tensor('w', 1, [-1], floats(1))),
    'CORRUPT_ARTIFACT',
    'w',
    /dimension of -1/,
  ],
  [
    'a dimension of 2^63-1',
    () => withWeight(tensor('w', 1, [2n ** 63n - 1n], floats(1))),
    'CORRUPT_ARTIFACT',
    'w',
    /dimension/,
  ],
  [
    'fewer values than the shape says',
    () => withWeight(tensor('w', 1, [1000], floats(1, 2))),
    'CORRUPT_ARTIFACT',
    'w',
    /values for 2 elements; its shape says 1000/,
  ],
  [
    'values in two places',
    () => withWeight(Buffer.concat([tensor('w', 1, [2], floats(1, 2)), part(4, floats(1, 2))])),
    'CORRUPT_ARTIFACT',
    'w',
    /two places/,
  ],
  [
    'values of another type',
    () => withWeight(Buffer.concat([int(1, 1), int(2, TYPE.int64), part(8, 'w'), part(4, floats(1))])),
    'CORRUPT_ARTIFACT',
    'w',
    /int64 but has other/,
  ],
  [
    'a complex tensor',
    () => withWeight(tensor('w', 14, [1], floats(1, 2))),
    'UNSUPPORTED_TENSOR',
    'w',
    /element type 14/,
  ],
  ['sparse weights', () => withSparse, 'UNSUPPORTED_TENSOR', 'graph', /sparse/],
  [
    'a constant fill of 10^10 elements',
    () => sized('ConstantOfShape', int64s(100_000, 100_000)),
    'LIMIT_EXCEEDED',
    'big',
    /10000000000 elements/,
  ],
  [
    'an expansion of 10^12 elements',
    () => sized('Expand', int64s(1_000_000, 1_000_000)),
    'LIMIT_EXCEEDED',
    'big',
    /Expand/,
  ],
  [
    'a tile of 10^12 elements',
    () => sized('Tile', int64s(1_000_000, 1_000_000)),
    'LIMIT_EXCEEDED',
    'big',
    /Tile/,
  ],
  [
    'random numbers without end',
    () =>
      onnxModel({
        nodes: [
          node('RandomNormal', [], ['y'], { attributes: [attribute.ints('shape', [100_000, 100_000])] }),
        ],
        outputs: Y,
      }),
    'LIMIT_EXCEEDED',
    'y',
    /RandomNormal/,
  ],
  [
    'an input of 10^12 elements',
    () =>
      onnxModel({
        nodes: [node('Abs', ['x'], ['y'])],
        inputs: [value('x', 1, [1_000_000, 1_000_000])],
        outputs: Y,
      }),
    'LIMIT_EXCEEDED',
    'x',
    /shape/,
  ],
  [
    'an input with a dimension of -5',
    () => onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: [value('x', 1, [-5])], outputs: Y }),
    'CORRUPT_ARTIFACT',
    'x',
    /-5/,
  ],
  [
    'an input without a rank',
    () => onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: [value('x', 1, null)], outputs: Y }),
    'UNSUPPORTED_TENSOR',
    'x',
    /how many dimensions/,
  ],
  [
    'an input of bfloat16',
    () => onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: [value('x', 16)], outputs: Y }),
    'UNSUPPORTED_TENSOR',
    'x',
    /bfloat16/,
  ],
  [
    'an output that is a list',
    () =>
      onnxModel({
        nodes: [node('SequenceConstruct', ['x'], ['y'])],
        inputs: X,
        outputs: [value('y', part(4, part(1, tensorType(1, null))))],
      }),
    'UNSUPPORTED_TENSOR',
    'y',
    /a list of tensors.*zipmap/,
  ],
  [
    'an input named as a property of every object',
    () =>
      onnxModel({ nodes: [node('Abs', ['__proto__'], ['y'])], inputs: [value('__proto__', 1)], outputs: Y }),
    'CORRUPT_ARTIFACT',
    '__proto__',
    /not usable/,
  ],
  [
    'two inputs of one name',
    () => onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: [...X, ...X], outputs: Y }),
    'CORRUPT_ARTIFACT',
    'x',
    /not unique/,
  ],
  [
    'no outputs',
    () => onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: X, outputs: [] }),
    'CORRUPT_ARTIFACT',
    null,
    /no outputs/,
  ],
];

describe('hostile tensors are refused by name', () => {
  itRefuses(ROWS);
});
