/**
 * A loop over the time axis, in the frames that TensorFlow's executor runs itself (Enter, Merge, Switch, Exit): no
 * function library, and known to every TensorFlow. What a step reads from outside enters the frame as a constant
 * of the loop.
 */
import type { GraphBuilder, Value } from './graph-builder.js';
import { attribute, type Shape } from './graph.js';
import type { Ops } from './ops.js';

export interface Step {
  /** State after the step, as many and of the same shapes as before. */
  readonly states: readonly Value[];
  /** What is collected of each step, [batch, …]. */
  readonly output: Value;
}

export interface Loop {
  /** [time, batch, …]: what each step reads. */
  readonly sequences: readonly Value[];
  readonly initial: readonly Value[];
  /** From outside, the same at each step: weights. */
  readonly constants: readonly Value[];
  readonly step: (slices: readonly Value[], states: readonly Value[], constants: readonly Value[]) => Step;
  /** Otherwise only the last states count, and nothing is collected. */
  readonly collects: boolean;
  readonly outputShape: Shape;
}

export interface LoopResult {
  readonly states: readonly Value[];
  /** [time, batch, …]; `null` when nothing was collected. */
  readonly outputs: Value | null;
}

/** A known time axis of up to so many steps is written out: no frame, and the optimiser sees through it. */
const MAX_UNROLLED_STEPS = 8;

export function overTime(ops: Ops, loop: Loop): LoopResult {
  const time = loop.sequences[0]?.shape[0] ?? null;
  return time !== null && time <= MAX_UNROLLED_STEPS ? unrolled(ops, loop, time) : framed(ops, loop);
}

function unrolled(ops: Ops, loop: Loop, time: number): LoopResult {
  let states = loop.initial;
  const outputs: Value[] = [];
  for (let at = 0; at < time; at++) {
    const slices = loop.sequences.map((sequence) =>
      ops.squeeze(
        ops.slice(
          sequence,
          sequence.shape.map((_, i) => (i === 0 ? at : 0)),
          sequence.shape.map((_, i) => (i === 0 ? 1 : -1)),
        ),
        [0],
      ),
    );
    const done = loop.step(slices, states, loop.constants);
    states = done.states;
    outputs.push(done.output);
  }
  return { states, outputs: loop.collects ? ops.stack(outputs, 0) : null };
}

/** A list of tensors that a loop reads or fills, by number. */
interface TensorList {
  readonly handle: Value;
  readonly flow: Value;
}

function framed(ops: Ops, loop: Loop): LoopResult {
  const { b } = ops;
  const frame = `loop_${b.nodes.length}`;
  const time = ops.dimension(loop.sequences[0] as Value, 0);
  const enter = (value: Value, isConstant: boolean): Value =>
    b.value(
      'Enter',
      [value],
      [
        attribute.type('T', value.dtype),
        attribute.text('frame_name', frame),
        attribute.bool('is_constant', isConstant),
        attribute.int('parallel_iterations', 1),
      ],
      value.dtype,
      value.shape,
    );
  const reads = loop.sequences.map((sequence) => scattered(ops, sequence, time));
  const collected = loop.collects ? newList(b, time) : null;
  const limit = enter(time, true);
  const constants = loop.constants.map((value) => enter(value, true));
  const lists = reads.map(({ handle, flow }) => ({ handle: enter(handle, true), flow: enter(flow, true) }));
  const outHandle = collected === null ? null : enter(collected.handle, true);

  const variables = [b.ints(0), ...loop.initial, ...(collected === null ? [] : [collected.flow])];
  const merges = variables.map((value) => {
    const entered = enter(value, false);
    const name = b.node('Merge', [entered], [attribute.int('N', 2), attribute.type('T', value.dtype)]);
    return { name, value: { ...value, tensor: name } };
  });
  const goOn = b.value(
    'LoopCond',
    [b.value('Less', [merges[0]?.value as Value, limit], [attribute.type('T', 'int32')], 'bool', [])],
    [],
    'bool',
    [],
  );
  const switches = merges.map(({ value }) =>
    b.node('Switch', [value, goOn], [attribute.type('T', value.dtype)]),
  );
  const inside = switches.map((name, i): Value => ({ ...(variables[i] as Value), tensor: `${name}:1` }));
  const [counter, ...rest] = inside as [Value, ...Value[]];
  const states = rest.slice(0, loop.initial.length);
  const slices = loop.sequences.map((sequence, i) =>
    b.value(
      'TensorArrayReadV3',
      [lists[i]?.handle as Value, counter, lists[i]?.flow as Value],
      [attribute.type('dtype', sequence.dtype)],
      sequence.dtype,
      sequence.shape.slice(1),
    ),
  );
  // What a step makes without inputs, constants above all, must wait for the frame's turn.
  const pivot = b.node('Identity', [counter], [attribute.type('T', 'int32')]);
  const next = b.insideFrame(pivot, () => {
    const done = loop.step(slices, states, constants);
    const following = [ops.add(counter, 1), ...done.states];
    const list = rest[loop.initial.length];
    if (outHandle === null || list === undefined) return following;
    const written = b.value(
      'TensorArrayWriteV3',
      [outHandle, counter, done.output, list],
      [attribute.type('T', done.output.dtype)],
      'float32',
      [],
    );
    return [...following, written];
  });
  next.forEach((value, i) => {
    const back = b.value(
      'NextIteration',
      [value],
      [attribute.type('T', value.dtype)],
      value.dtype,
      value.shape,
    );
    b.feedBack(merges[i]?.name as string, back);
  });
  const exits = switches.map((name, i) => {
    const { dtype, shape } = variables[i] as Value;
    return b.value('Exit', [`${name}:0`], [attribute.type('T', dtype)], dtype, shape);
  });
  const flow = exits[1 + loop.initial.length];
  return {
    states: exits.slice(1, 1 + loop.initial.length),
    outputs:
      collected === null || flow === undefined
        ? null
        : gathered(b, { handle: collected.handle, flow }, time, loop),
  };
}

function newList(b: GraphBuilder, time: Value): TensorList {
  const name = b.node('TensorArrayV3', [time], [attribute.type('dtype', 'float32')]);
  return {
    handle: { tensor: name, dtype: 'resource', shape: [] },
    flow: { tensor: `${name}:1`, dtype: 'float32', shape: [] },
  };
}

function scattered(ops: Ops, sequence: Value, time: Value): TensorList {
  const { b } = ops;
  const name = b.node('TensorArrayV3', [time], [attribute.type('dtype', sequence.dtype)]);
  const handle: Value = { tensor: name, dtype: 'resource', shape: [] };
  const range = b.value('Range', [b.ints(0), time, b.ints(1)], [attribute.type('Tidx', 'int32')], 'int32', [
    null,
  ]);
  const flow = b.value(
    'TensorArrayScatterV3',
    [handle, range, sequence, `${name}:1`],
    [attribute.type('T', sequence.dtype)],
    'float32',
    [],
  );
  return { handle, flow };
}

function gathered(b: GraphBuilder, { handle, flow }: TensorList, time: Value, loop: Loop): Value {
  const range = b.value('Range', [b.ints(0), time, b.ints(1)], [attribute.type('Tidx', 'int32')], 'int32', [
    null,
  ]);
  return b.value(
    'TensorArrayGatherV3',
    [handle, range, flow],
    [attribute.type('dtype', 'float32'), attribute.shape('element_shape', null)],
    'float32',
    [loop.sequences[0]?.shape[0] ?? null, ...loop.outputShape],
  );
}
