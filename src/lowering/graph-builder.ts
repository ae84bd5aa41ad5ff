/**
 * Collects the nodes of one graph. Names are ours and unique; a tensor knows its type and what is known of its
 * shape, so that a layer can be written down without running anything.
 */
import {
  attribute,
  DTYPE,
  shapeValue,
  type AttributeEntry,
  type Dtype,
  type GraphNode,
  type Port,
  type Shape,
  type TensorValue,
  type WeightNode,
} from './graph.js';

/** A value in the graph under construction. */
export interface Value {
  /** As inputs of nodes name it: `node` or `node:1`. */
  readonly tensor: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export interface GraphBuilder {
  readonly nodes: readonly GraphNode[];
  readonly weights: readonly WeightNode[];
  /** Adds a node and answers its name. */
  node(op: string, inputs: readonly (Value | string)[], attributes?: readonly AttributeEntry[]): string;
  /** A node with one output. */
  value(
    op: string,
    inputs: readonly (Value | string)[],
    attributes: readonly AttributeEntry[],
    dtype: Dtype,
    shape: Shape,
  ): Value;
  placeholder(dtype: Dtype, shape: Shape): Value;
  floats(values: readonly number[], shape?: readonly number[]): Value;
  /** A list, or one number as a scalar. */
  ints(values: readonly number[] | number): Value;
  bool(value: boolean): Value;
  /** A list. */
  texts(values: readonly string[]): Value;
  /** A constant that is filled in from the model's weights; the same weight is one node. */
  weight(name: string, shape: readonly number[], dtype?: Dtype): Value;
  /** Names of the following nodes begin with it: a layer's name, for those who look at the graph. */
  scope(name: string): void;
  /** Makes nodes of a loop's frame; constants wait for `pivot`, a node that runs at each turn. */
  insideFrame<R>(pivot: string, make: () => R): R;
  /** Adds an input to a node made earlier: a loop's merge reads what its body makes. */
  feedBack(node: string, input: Value): void;
  port(value: Value): Port;
}

/** TensorFlow's grammar of node names is `[A-Za-z0-9.][A-Za-z0-9_.\/>-]*`. */
function safeScope(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 60);
  return /^[A-Za-z0-9.]/.test(safe) ? safe : `l${safe}`;
}

export function createGraphBuilder(): GraphBuilder {
  const nodes: { name: string; op: string; input: string[]; attr: readonly AttributeEntry[] }[] = [];
  const weights: WeightNode[] = [];
  const made = new Map<string, Value>();
  let constants = made;
  let pivotOfFrame: string | null = null;
  let prefix = 'g';

  function node(
    op: string,
    inputs: readonly (Value | string)[],
    attr: readonly AttributeEntry[] = [],
  ): string {
    // The running number makes it unique whatever the scope is called.
    const name = `${prefix}/${op}_${nodes.length + weights.length}`;
    nodes.push({
      name,
      op,
      input: inputs.map((input) => (typeof input === 'string' ? input : input.tensor)),
      attr,
    });
    return name;
  }

  function value(
    op: string,
    inputs: readonly (Value | string)[],
    attributes: readonly AttributeEntry[],
    dtype: Dtype,
    shape: Shape,
  ): Value {
    return { tensor: node(op, inputs, attributes), dtype, shape };
  }

  /** Equal small constants are one node. */
  function constant(dtype: Dtype, shape: readonly number[], bytes: Uint8Array): Value {
    const key = `${dtype} [${shape.join(',')}] ${Buffer.from(bytes).toString('base64')}`;
    return constantNode(key, dtype, shape, { tensorContent: bytes });
  }

  function constantNode(
    key: string,
    dtype: Dtype,
    shape: readonly number[],
    content: Pick<TensorValue, 'tensorContent' | 'stringVal'>,
  ): Value {
    const known = constants.get(key);
    if (known !== undefined) return known;
    const tensor: TensorValue = { dtype: DTYPE[dtype], tensorShape: shapeValue(shape), ...content };
    const fresh = value(
      'Const',
      pivotOfFrame === null ? [] : [`^${pivotOfFrame}`],
      [attribute.type('dtype', dtype), { key: 'value', value: { tensor } }],
      dtype,
      shape,
    );
    constants.set(key, fresh);
    return fresh;
  }

  return Object.freeze({
    nodes,
    weights,
    node,
    value,
    placeholder: (dtype: Dtype, shape: Shape) =>
      value(
        'Placeholder',
        [],
        [attribute.type('dtype', dtype), attribute.shape('shape', shape)],
        dtype,
        shape,
      ),
    floats(values: readonly number[], shape: readonly number[] = values.length === 1 ? [] : [values.length]) {
      return constant('float32', shape, new Uint8Array(Float32Array.from(values).buffer));
    },
    ints(values: readonly number[] | number) {
      const list = typeof values === 'number' ? [values] : values;
      return constant(
        'int32',
        typeof values === 'number' ? [] : [list.length],
        new Uint8Array(Int32Array.from(list).buffer),
      );
    },
    texts: (values: readonly string[]) =>
      constantNode(`string ${JSON.stringify(values)}`, 'string', [values.length], {
        stringVal: values.map((value) => new TextEncoder().encode(value)),
      }),
    bool: (flag: boolean) => constant('bool', [], Uint8Array.of(flag ? 1 : 0)),
    weight(name: string, shape: readonly number[], dtype: Dtype = 'float32') {
      if (pivotOfFrame !== null) throw new Error('A weight enters a loop as one of its constants.');
      const key = `weight ${dtype} ${name}`;
      const known = made.get(key);
      if (known !== undefined) return known;
      const node_ = `weights/${safeScope(name)}_${nodes.length + weights.length}`;
      weights.push({ node: node_, weight: name, dtype, shape });
      const fresh: Value = { tensor: node_, dtype, shape };
      made.set(key, fresh);
      return fresh;
    },
    scope(name: string) {
      prefix = safeScope(name);
    },
    insideFrame<R>(pivot: string, make: () => R): R {
      if (pivotOfFrame !== null) throw new Error('Loops are not nested.');
      [constants, pivotOfFrame] = [new Map<string, Value>(), pivot];
      try {
        return make();
      } finally {
        [constants, pivotOfFrame] = [made, null];
      }
    },
    feedBack(name: string, input: Value) {
      const found = nodes.find((item) => item.name === name);
      if (found === undefined) throw new Error(`There is no node ${name}.`);
      found.input.push(input.tensor);
    },
    port: ({ tensor, dtype }: Value): Port => ({
      tensor: tensor.includes(':') ? tensor : `${tensor}:0`,
      dtype,
    }),
  });
}
