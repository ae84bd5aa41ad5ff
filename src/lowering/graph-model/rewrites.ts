/**
 * The ops that TensorFlow.js has and TensorFlow has not, or not on its own: the fused ones that the converter writes,
 * and `Prelu`. TensorFlow fuses them again itself. To add one: a function here, a row in `REWRITES`, a test.
 */
import { attribute, DTYPE, shapeValue, type AttributeEntry, type Dtype, type GraphNode } from '../graph.js';
import { refuseLowering } from '../refused.js';
import { attributesOf, numberAttribute, textsAttribute, typeAttribute } from './attributes.js';
import type { JsonNode } from './graph-model.js';

/** Writes a node and answers how others refer to its output. */
export type Emit = (op: string, inputs: readonly string[], attributes: readonly AttributeEntry[]) => string;

/** Answers the tensor that stands for the node's output. */
type Rewrite = (node: JsonNode, emit: Emit) => string;

const typeOf = (node: JsonNode): AttributeEntry => attribute.type('T', typeAttribute(node, 'T') ?? 'float32');

/** Relu(x) - alpha · Relu(-x). */
function prelu(x: string, alpha: string, type: AttributeEntry, emit: Emit): string {
  const below = emit('Relu', [emit('Neg', [x], [type])], [type]);
  return emit('Sub', [emit('Relu', [x], [type]), emit('Mul', [alpha, below], [type])], [type]);
}

/** TFJS's names of activations inside fused ops -> TensorFlow's ops. */
export const FUSED_ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ['relu', 'Relu'],
  ['relu6', 'Relu6'],
  ['elu', 'Elu'],
  ['sigmoid', 'Sigmoid'],
  ['tanh', 'Tanh'],
  ['selu', 'Selu'],
]);

const FUSED_ONLY = new Set([
  'fused_ops',
  'num_args',
  'epsilon',
  'leakyrelu_alpha',
  'TArgs',
  'num_host_args',
  'filter_format',
  'user_bias',
]);

/**
 * Attributes that some op of TensorFlow 2.9 does not know and the converter writes all the same; an unknown attribute
 * would make TensorFlow refuse the whole graph.
 */
const UNKNOWN_ATTRIBUTES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['DepthwiseConv2dNative', new Set(['use_cudnn_on_gpu'])],
  // Written by a newer TensorFlow: for gradients only, or with the only value that TensorFlow.js knows.
  ['TopKV2', new Set(['Tk', 'index_type'])],
  ['SparseSegmentMean', new Set(['sparse_gradient'])],
  ['SparseSegmentSum', new Set(['sparse_gradient'])],
  ['MatMul', new Set(['grad_a', 'grad_b'])],
  ['BatchMatMul', new Set(['grad_x', 'grad_y'])],
  ['BatchMatMulV2', new Set(['grad_x', 'grad_y'])],
]);

/** The plain op, then what `fused_ops` lists: a bias, an activation; PReLU's alpha is the next input. */
function unfuse(op: string): Rewrite {
  const leftOut = new Set([...FUSED_ONLY, ...(UNKNOWN_ATTRIBUTES.get(op) ?? [])]);
  return (node, emit) => {
    const type = typeOf(node);
    const inputs = node.inputs.filter((input) => !input.startsWith('^'));
    const control = node.inputs.filter((input) => input.startsWith('^'));
    const [x = '', kernel = '', ...more] = inputs;
    let at = 0;
    const next = (): string =>
      more[at++] ?? refuseLowering(node.name, `Node "${node.name}" (${node.op}) lacks an input.`);
    let y = emit(op, [x, kernel, ...control], attributesOf(node, leftOut));
    for (const fused of textsAttribute(node, 'fused_ops')) {
      const name = fused.toLowerCase();
      const known = FUSED_ACTIVATIONS.get(name);
      if (name === 'biasadd') y = emit('BiasAdd', [y, next()], [type, attribute.text('data_format', 'NHWC')]);
      else if (known !== undefined) y = emit(known, [y], [type]);
      else if (name === 'prelu') y = prelu(y, next(), type, emit);
      else if (name === 'leakyrelu') {
        y = emit(
          'LeakyRelu',
          [y],
          [type, attribute.float('alpha', numberAttribute(node, 'leakyrelu_alpha', 0.2))],
        );
      } else
        refuseLowering(node.name, `Node "${node.name}" (${node.op}) fuses "${fused}", which is not lowered.`);
    }
    return y;
  };
}

/** Under another name: what TFJS's older op lists call the same op. */
const renamed =
  (op: string): Rewrite =>
  (node, emit) =>
    emit(op, node.inputs, attributesOf(node, UNKNOWN_ATTRIBUTES.get(op)));

const constant = (emit: Emit, values: readonly number[], type: Dtype, shape: readonly number[]): string => {
  const typed = type === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  const tensor = {
    dtype: DTYPE[type],
    tensorShape: shapeValue(shape),
    tensorContent: new Uint8Array(typed.buffer),
  };
  return emit('Const', [], [attribute.type('dtype', type), { key: 'value', value: { tensor } }]);
};

/** Ones and Zeros: a shape filled with one number. */
const filled =
  (value: number): Rewrite =>
  (node, emit) => {
    const type = typeAttribute(node, 'T') ?? 'float32';
    const one = constant(emit, [value], type === 'int32' ? 'int32' : 'float32', []);
    const cast =
      type === 'int32' || type === 'float32'
        ? one
        : emit('Cast', [one], [attribute.type('SrcT', 'float32'), attribute.type('DstT', type)]);
    return emit(
      'Fill',
      [node.inputs[0] ?? '', cast],
      [attribute.type('T', type), attribute.type('index_type', 'int32')],
    );
  };

/** Passes its first input on; what it would print stays unread. */
const print: Rewrite = (node, emit) => {
  const control = node.inputs.filter((input) => input.startsWith('^'));
  return emit('Identity', [node.inputs[0] ?? '', ...control], [typeOf(node)]);
};

/** A line is a picture of height one. */
const conv1d: Rewrite = (node, emit) => {
  const type = typeOf(node);
  const raised = (tensor: string, axis: number): string =>
    emit(
      'ExpandDims',
      [tensor, constant(emit, [axis], 'int32', [])],
      [type, attribute.type('Tdim', 'int32')],
    );
  const sides = (key: string) => [1, 1, numberAttribute(node, key, 1), 1];
  const padding = attributesOf(node).filter(({ key }) => key === 'padding');
  const y = emit(
    'Conv2D',
    [raised(node.inputs[0] ?? '', 1), raised(node.inputs[1] ?? '', 0)],
    [
      type,
      ...padding,
      attribute.ints('strides', sides('stride')),
      attribute.ints('dilations', sides('dilation')),
      attribute.text('data_format', 'NHWC'),
    ],
  );
  return emit('Squeeze', [y], [type, attribute.ints('squeeze_dims', [1])]);
};

export const REWRITES: ReadonlyMap<string, Rewrite> = new Map<string, Rewrite>([
  ['_FusedConv2D', unfuse('Conv2D')],
  ['FusedDepthwiseConv2dNative', unfuse('DepthwiseConv2dNative')],
  ['_FusedMatMul', unfuse('MatMul')],
  ['Prelu', (node, emit) => prelu(node.inputs[0] ?? '', node.inputs[1] ?? '', typeOf(node), emit)],
  ['DepthwiseConv2d', renamed('DepthwiseConv2dNative')],
  ['Conv1D', conv1d],
  ['Ones', filled(1)],
  ['Zeros', filled(0)],
  ['Print', print],
]);

export function plainNode(node: JsonNode): GraphNode {
  return {
    name: node.name,
    op: node.op,
    input: node.inputs,
    attr: attributesOf(node, UNKNOWN_ATTRIBUTES.get(node.op)),
  };
}
