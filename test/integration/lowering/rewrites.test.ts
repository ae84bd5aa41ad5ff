/** Each op that TensorFlow.js has and TensorFlow has not, rewritten and run, against tfjs-core's own kernels. */
import { expect, it, vi } from 'vitest';
import { FUSED_ACTIVATIONS, REWRITES } from '../../../src/lowering/graph-model/rewrites.js';
import { decodeBytesElements, encodeBytesElements } from '../../../src/inference/tensors.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import { executed } from '../../support/executor.js';
import {
  elementsOf,
  flag,
  float,
  float32,
  floats,
  graphModel,
  int,
  integers,
  ints,
  node,
  placeholder,
  runModel,
  text,
  texts,
  type,
  types,
  type Attributes,
  type GraphConstant,
} from '../../support/graph-models.js';
import { createEngines } from '../../support/importing.js';
import { unknownToTensorflow } from '../../support/tensorflow-ops.js';
import { numbersFrom } from '../../support/random-stacks.js';

const engines = createEngines();
const next = numbersFrom(5);
const random = (name: string, ...shape: number[]): GraphConstant =>
  floats(
    name,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * next() - 1),
    shape,
  );

/** Fused by TensorFlow, and not known to the fused kernels of tfjs-core: a bias from there, then a formula. */
const FORMULAS: Readonly<Record<string, (x: number) => number>> = {
  tanh: Math.tanh,
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  leakyrelu: (x) => (x > 0 ? x : 0.3 * x),
};

interface Case {
  /** Of `x`, without the batch. */
  readonly input: readonly number[];
  readonly constants: readonly GraphConstant[];
  readonly attributes: Attributes;
  /** Applied to what tfjs-core makes of the node without its activation. */
  readonly formula?: (x: number) => number;
}

const T = { T: type('DT_FLOAT') };
const WINDOW = {
  ...T,
  strides: ints(1, 2, 2, 1),
  dilations: ints(1, 1, 1, 1),
  padding: text('SAME'),
  data_format: text('NHWC'),
  explicit_paddings: { list: {} },
};
const CONV: Case = { input: [5, 4, 3], constants: [random('w', 3, 3, 3, 2)], attributes: WINDOW };
const DEPTHWISE: Case = { input: [5, 4, 3], constants: [random('w', 2, 2, 3, 2)], attributes: WINDOW };
const MATMUL: Case = {
  input: [4],
  constants: [random('w', 3, 4)],
  // The last two are newer than TensorFlow 2.9.
  attributes: {
    ...T,
    transpose_a: flag(false),
    transpose_b: flag(true),
    grad_a: flag(false),
    grad_b: flag(false),
  },
};

/** With a bias alone, and with a bias and each activation. */
function fused(base: Case, channels: number): Record<string, Case> {
  const [bias, alpha] = [random('bias', channels), random('alpha', channels)];
  const of = (activation: string | null, more: readonly GraphConstant[] = [bias]): Case => ({
    ...base,
    constants: [...base.constants, ...more],
    attributes: {
      ...base.attributes,
      fused_ops: texts('BiasAdd', ...(activation === null ? [] : [activation])),
      num_args: int(more.length),
      epsilon: float(0),
      leakyrelu_alpha: float(0.3),
    },
    ...(activation !== null && Object.hasOwn(FORMULAS, activation)
      ? { formula: FORMULAS[activation] as (x: number) => number }
      : {}),
  });
  return {
    'a bias': of(null),
    ...Object.fromEntries(
      [...FUSED_ACTIVATIONS.keys(), 'leakyrelu'].map((name) => [`a bias and ${name}`, of(name)]),
    ),
    'a bias and prelu': of('Prelu', [bias, alpha]),
  };
}

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  _FusedConv2D: {
    ...fused(CONV, 2),
    'valid padding and dilation': {
      ...CONV,
      attributes: {
        ...WINDOW,
        strides: ints(1, 1, 1, 1),
        dilations: ints(1, 1, 1, 1),
        padding: text('VALID'),
        fused_ops: texts('BiasAdd', 'Relu'),
        num_args: int(1),
      },
      constants: [...CONV.constants, random('bias', 2)],
    },
  },
  FusedDepthwiseConv2dNative: fused(DEPTHWISE, 6),
  _FusedMatMul: fused(MATMUL, 3),
  Prelu: {
    'one alpha for each channel': { input: [4, 3], constants: [random('alpha', 3)], attributes: T },
    'one alpha for each element': { input: [4, 3], constants: [random('alpha', 4, 3)], attributes: T },
  },
  DepthwiseConv2d: {
    'its older name': { ...DEPTHWISE, attributes: { ...WINDOW, use_cudnn_on_gpu: flag(true) } },
  },
  Conv1D: {
    'strides and padding': {
      input: [9, 2],
      constants: [random('w', 3, 2, 4)],
      attributes: { ...T, stride: int(2), dilation: int(1), padding: text('SAME'), data_format: text('NWC') },
    },
    dilation: {
      input: [9, 2],
      constants: [random('w', 3, 2, 4)],
      attributes: {
        ...T,
        stride: int(1),
        dilation: int(2),
        padding: text('VALID'),
        data_format: text('NWC'),
      },
    },
  },
  Ones: { 'a shape': { input: [3], constants: [integers('shape', [2, 3])], attributes: T } },
  Print: {
    'something to print': {
      input: [3],
      constants: [random('data', 2)],
      attributes: { ...T, U: types('DT_FLOAT'), message: text('heard'), first_n: int(-1), summarize: int(3) },
    },
  },
  Zeros: {
    'a shape': { input: [3], constants: [integers('shape', [2, 3])], attributes: { T: type('DT_INT32') } },
  },
};
/** Their first input is a shape and not `x`. */
const OF_SHAPES = new Set(['Ones', 'Zeros']);

it('every op of the table of rewrites has its cases here', () => {
  expect(Object.keys(CASES).sort()).toEqual([...REWRITES.keys()].sort());
});

const all = Object.entries(CASES).flatMap(([op, cases]) =>
  Object.entries(cases).map(([what, one]): [string, string, Case] => [op, what, one]),
);

function modelOf(op: string, { input, constants, attributes }: Case) {
  const names = constants.map(({ name }) => name);
  const ofShape = OF_SHAPES.has(op);
  return graphModel({
    constants,
    nodes: [
      placeholder('x', [-1, ...input]),
      node('made', op, ofShape ? names : ['x', ...names], attributes),
      ...(ofShape
        ? [
            node('cast', 'Cast', ['made'], { SrcT: attributes['T'], DstT: type('DT_FLOAT') }),
            node('y', 'AddV2', ['cast', 'x'], T),
          ]
        : [node('y', 'Identity', ['made'], T)]),
    ],
    signature: {
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT' } },
      outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT' } },
    },
  });
}

it.each(all)('%s with %s gives what tfjs-core gives', async (op, _what, one) => {
  const { input, formula } = one;
  const rows = 2;
  const count = rows * input.reduce((a, b) => a * b, 1);
  const x = float32(
    'x',
    [rows, ...input],
    Array.from({ length: count }, () => 12 * next() - 6),
  );
  const known =
    formula === undefined ? one : { ...one, attributes: { ...one.attributes, fused_ops: texts('BiasAdd') } };
  const spoken = [vi.spyOn(console, 'log'), vi.spyOn(console, 'warn')].map((spy) =>
    spy.mockImplementation(() => undefined),
  );
  const [reference] = await executed(modelOf(op, known), [x]);
  for (const spy of spoken) spy.mockRestore();
  const expected = (reference?.values ?? []).map((value) => (formula ?? Number)(Number(value)));
  const model = modelOf(op, one);
  expect(unknownToTensorflow(model)).toEqual([]);
  const [made] = await runModel(engines, 'tfjs-graph', model, [x]);
  expect(made?.shape).toEqual(reference?.shape);
  const values = elementsOf(made as never);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - (values[i] ?? NaN))))).toBeLessThan(2e-5);
});

it('StaticRegexReplace runs lowered only, with the regular expressions of TensorFlow', async () => {
  const model = graphModel({
    constants: [],
    nodes: [
      placeholder('x', [-1], 'DT_STRING'),
      node('y', 'StaticRegexReplace', ['x'], {
        pattern: text('(\\d+)[^\\d]*'),
        rewrite: text('<\\1>'),
        replace_global: flag(true),
      }),
    ],
    signature: {
      inputs: { x: { name: 'x:0', dtype: 'DT_STRING' } },
      outputs: { y: { name: 'y:0', dtype: 'DT_STRING' } },
    },
  });
  expect(model.beyondEngines).toContain('"StaticRegexReplace"');
  expect(unknownToTensorflow(model)).toEqual([]);
  const data = new Uint8Array(encodeBytesElements([Buffer.from('12 and 7!'), Buffer.from('none')]));
  const [made] = await runModel(engines, 'tfjs-graph', model, [
    { name: 'x', datatype: 'BYTES', shape: [2], data },
  ]);
  const words = decodeBytesElements((made as Tensor).data).map((bytes) => Buffer.from(bytes).toString());
  expect(words).toEqual(['<12><7>', 'none']);
});
