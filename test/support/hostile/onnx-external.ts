/** ONNX files whose weights are said to be elsewhere, in every spelling. */
import {
  attribute,
  floats,
  graph,
  int,
  node,
  onnxFunction,
  onnxModel,
  part,
  tensor,
  TYPE,
  value,
  type ModelParts,
} from '../onnx-model.js';
import { zipOf } from '../zip.js';
import { climbing, filesOf, type Bait, type HostileFile } from './types.js';

const { refused } = filesOf('ONNX', 'onnx');
const TENSOR = 'UNSUPPORTED_TENSOR';
const CORRUPT = 'CORRUPT_ARTIFACT';

const X = [value('x', TYPE.float, ['n', 2])];
const Y = [value('y', TYPE.float, ['n', 2])];
const model = (parts: Partial<ModelParts>): Buffer =>
  onnxModel({ nodes: [node('Add', ['x', 'w'], ['y'])], inputs: X, outputs: Y, ...parts });
const pair = (key: string, text: string): Buffer => part(13, Buffer.concat([part(1, key), part(2, text)]));

/** A tensor whose values are said to be in another file. */
function externalTensor(
  name: string,
  location: string,
  more: readonly (readonly [string, string])[] = [],
): Buffer {
  return Buffer.concat([
    int(1, 2),
    int(2, TYPE.float),
    part(8, name),
    pair('location', location),
    ...more.map(([key, text]) => pair(key, text)),
    int(14, 1),
  ]);
}

const external =
  (location: (bait: Bait) => string, more: readonly (readonly [string, string])[] = []) =>
  (bait: Bait) =>
    model({ initializers: [externalTensor('w', location(bait), more)] });

export const HOSTILE_ONNX_EXTERNAL: readonly HostileFile[] = [
  refused(
    'external-climbs-out',
    TENSOR,
    'w',
    external(({ path }) => climbing(path)),
  ),
  refused(
    'external-absolute',
    TENSOR,
    'w',
    external(({ path }) => path),
  ),
  refused(
    'external-pipe',
    TENSOR,
    'w',
    external(({ pipe }) => pipe),
  ),
  refused(
    'external-climbs-in-the-middle',
    TENSOR,
    'w',
    external(({ path }) => `a/${climbing(path)}`),
  ),
  refused(
    'external-backslashes',
    TENSOR,
    'w',
    external(() => '..\\..\\..\\etc\\passwd'),
  ),
  refused(
    'external-percent',
    TENSOR,
    'w',
    external(() => '%2e%2e/%2e%2e/etc/passwd'),
  ),
  refused(
    'external-file-url',
    TENSOR,
    'w',
    external(({ path }) => `file://${path}`),
  ),
  refused(
    'external-http-url',
    TENSOR,
    'w',
    external(({ url }) => url),
  ),
  refused(
    'external-proc-self',
    TENSOR,
    'w',
    external(() => '/proc/self/environ'),
  ),
  refused(
    'external-memory-marker',
    TENSOR,
    'w',
    external(
      () => '*/_ORT_MEM_ADDR_/*',
      [
        ['offset', '4096'],
        ['length', '8'],
      ],
    ),
  ),
  refused(
    'external-empty-location',
    TENSOR,
    'w',
    external(() => ''),
  ),
  refused(
    'external-offset-overflow',
    TENSOR,
    'w',
    external(
      () => 'w.bin',
      [
        ['offset', '18446744073709551615'],
        ['length', '8'],
      ],
    ),
  ),
  refused(
    'external-negative-length',
    TENSOR,
    'w',
    external(
      () => 'w.bin',
      [
        ['offset', '0'],
        ['length', '-1'],
      ],
    ),
  ),
  refused(
    'external-attribute-injection',
    CORRUPT,
    'w',
    external(
      () => 'w.bin',
      [
        ['__class__', 'x'],
        ['basepath', '/'],
      ],
    ),
  ),
  refused('external-in-a-constant-node', TENSOR, '', ({ path }) =>
    model({
      nodes: [
        node('Constant', [], ['w'], {
          name: 'c',
          attributes: [attribute.tensor('value', externalTensor('t', path))],
        }),
        node('Add', ['x', 'w'], ['y']),
      ],
    }),
  ),
  refused('external-in-a-branch', TENSOR, 'w', ({ path }) => {
    const branch = (tensors: readonly Buffer[]) =>
      graph({
        nodes: [node('Abs', ['x'], ['z'])],
        outputs: [value('z', TYPE.float, ['n', 2])],
        initializers: tensors,
      });
    return onnxModel({
      nodes: [
        node('If', ['f'], ['y'], {
          attributes: [
            attribute.graph('then_branch', branch([externalTensor('w', path)])),
            attribute.graph('else_branch', branch([])),
          ],
        }),
      ],
      inputs: [value('f', TYPE.bool, []), ...X],
      outputs: Y,
    });
  }),
  refused('external-in-a-function', TENSOR, '', ({ path }) =>
    onnxModel({
      nodes: [node('f', ['x'], ['y'], { domain: 'mine' })],
      inputs: X,
      outputs: Y,
      opsets: [['mine', 1]],
      functions: [
        onnxFunction('mine', 'f', [
          node('Constant', [], ['c'], {
            name: 'c',
            attributes: [attribute.tensor('value', externalTensor('t', path))],
          }),
          node('Add', ['a', 'c'], ['b']),
        ]),
      ],
    }),
  ),
  refused('external-said-twice', [TENSOR, CORRUPT], '', ({ path }) =>
    model({ initializers: [Buffer.concat([externalTensor('w', 'w.bin'), pair('location', path)])] }),
  ),
  refused('external-flag-alone', [TENSOR, CORRUPT], 'w', () =>
    model({ initializers: [Buffer.concat([tensor('w', TYPE.float, [2], floats(1, 2)), int(14, 1)])] }),
  ),
  refused('external-climbs-out-of-an-archive', [TENSOR, CORRUPT, 'UNSUPPORTED_FORMAT'], '', (bait) =>
    zipOf([{ name: 'model.onnx', data: external(({ path }) => climbing(path))(bait) }]),
  ),
  refused('external-is-a-link-in-an-archive', CORRUPT, 'w.bin', (bait) =>
    zipOf([
      { name: 'model.onnx', data: external(() => 'w.bin')(bait) },
      { name: 'w.bin', data: Buffer.from(bait.path), mode: 0o120777 },
    ]),
  ),
];
