/**
 * SimpleRNN, LSTM, GRU and Bidirectional; after `keras/src/layers/rnn`. What a step takes from its input alone is one
 * product for all steps, before the loop.
 */
import type { Value } from '../graph-builder.js';
import { overTime } from '../loop.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { activate } from './activations.js';
import { project } from './dense.js';
import type { LayerCall, LayerResult, LowerLayer } from './layer.js';
import { flagOption, numberOption, textOption } from './options.js';

/** A recurrent layer, alone or one side of a Bidirectional. */
interface Recurrent {
  readonly subject: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ops: Ops;
  /** By Keras's name: kernel, recurrent_kernel, bias. */
  readonly weight: (name: string) => Value;
  readonly goesBackwards: boolean;
  readonly zeroOutputForMask: boolean;
}

interface Cell {
  readonly stateCount: number;
  /** Added to the input's product. */
  readonly inputBias: Value | null;
  readonly constants: readonly Value[];
  /** @param x what the input gives, all gates side by side */
  readonly step: (x: Value, states: readonly Value[], constants: readonly Value[]) => readonly Value[];
}

/** One gate of several that lie side by side in the last axis. */
export function gate(ops: Ops, all: Value, at: number, units: number, count = 1): Value {
  const last = all.shape.length - 1;
  return ops.slice(
    all,
    all.shape.map((_, i) => (i === last ? at * units : 0)),
    all.shape.map((_, i) => (i === last ? count * units : -1)),
  );
}

function simpleCell(layer: Recurrent): Cell {
  const { ops } = layer;
  return {
    stateCount: 1,
    inputBias: flagOption(layer, 'use_bias', true) ? layer.weight('bias') : null,
    constants: [layer.weight('recurrent_kernel')],
    step: (x, [h], [kernel]) => [
      activate(layer, ops.add(x, ops.matMul(h as Value, kernel as Value)), 'activation', 'tanh'),
    ],
  };
}

/** Gates in the order input, forget, candidate, output. States: h and c. */
function lstmCell(layer: Recurrent): Cell {
  const { ops } = layer;
  const units = numberOption(layer, 'units', 1);
  const recurrent = (x: Value): Value => activate(layer, x, 'recurrent_activation', 'sigmoid');
  return {
    stateCount: 2,
    inputBias: flagOption(layer, 'use_bias', true) ? layer.weight('bias') : null,
    constants: [layer.weight('recurrent_kernel')],
    step(x, [h, c], [kernel]) {
      const all = ops.add(x, ops.matMul(h as Value, kernel as Value));
      const kept = ops.multiply(recurrent(gate(ops, all, 1, units)), c as Value);
      const candidate = activate(layer, gate(ops, all, 2, units), 'activation', 'tanh');
      const cell = ops.add(kept, ops.multiply(recurrent(gate(ops, all, 0, units)), candidate));
      const output = recurrent(gate(ops, all, 3, units));
      return [ops.multiply(output, activate(layer, cell, 'activation', 'tanh')), cell];
    },
  };
}

/**
 * Gates in the order update, reset, candidate. With reset_after (Keras's default) the reset gate acts on the product,
 * which then has a bias of its own: [input's bias, product's bias].
 */
function gruCell(layer: Recurrent): Cell {
  const { ops } = layer;
  const units = numberOption(layer, 'units', 1);
  const resetsAfter = flagOption(layer, 'reset_after', true);
  const bias = flagOption(layer, 'use_bias', true) ? layer.weight('bias') : null;
  const row = (at: number): Value | null =>
    bias === null ? null : ops.squeeze(ops.slice(bias, [at, 0], [1, -1]), [0]);
  const kernel = layer.weight('recurrent_kernel');
  const productBias = resetsAfter ? row(1) : null;
  const recurrent = (x: Value): Value => activate(layer, x, 'recurrent_activation', 'sigmoid');
  const mix = (update: Value, h: Value, candidate: Value): Value =>
    // z h + (1 - z) c = c + z (h - c)
    ops.add(candidate, ops.multiply(update, ops.subtract(h, candidate)));
  if (resetsAfter) {
    return {
      stateCount: 1,
      inputBias: row(0),
      constants: productBias === null ? [kernel] : [kernel, productBias],
      step(x, states, [matrix, added]) {
        const h = states[0] as Value;
        const product = ops.matMul(h, matrix as Value);
        const inner = added === undefined ? product : ops.biasAdd(product, added);
        const gates = recurrent(ops.add(gate(ops, x, 0, units, 2), gate(ops, inner, 0, units, 2)));
        const reset = ops.multiply(gate(ops, gates, 1, units), gate(ops, inner, 2, units));
        const candidate = activate(layer, ops.add(gate(ops, x, 2, units), reset), 'activation', 'tanh');
        return [mix(gate(ops, gates, 0, units), h, candidate)];
      },
    };
  }
  return {
    stateCount: 1,
    inputBias: bias,
    constants: [gate(ops, kernel, 0, units, 2), gate(ops, kernel, 2, units)],
    step(x, states, [forGates, forCandidate]) {
      const h = states[0] as Value;
      const gates = recurrent(ops.add(gate(ops, x, 0, units, 2), ops.matMul(h, forGates as Value)));
      const reset = ops.multiply(gate(ops, gates, 1, units), h);
      const sum = ops.add(gate(ops, x, 2, units), ops.matMul(reset, forCandidate as Value));
      return [mix(gate(ops, gates, 0, units), h, activate(layer, sum, 'activation', 'tanh'))];
    },
  };
}

const CELLS = { SimpleRNN: simpleCell, LSTM: lstmCell, GRU: gruCell } as const;

function cellOf(layer: Recurrent): Cell {
  const make = Object.hasOwn(CELLS, layer.className) ? CELLS[layer.className as keyof typeof CELLS] : null;
  if (make === null) {
    return refuseLowering(
      layer.subject,
      `Layer "${layer.subject}" wraps a ${layer.className}, which is no recurrent layer.`,
    );
  }
  return make(layer);
}

interface Run {
  /** The last output, or all of them as [batch, time, units]. */
  readonly output: Value;
  readonly states: readonly Value[];
}

function run(layer: Recurrent, given: Value, givenMask: Value | null, initial: readonly Value[]): Run {
  const { ops } = layer;
  if (flagOption(layer, 'stateful', false)) {
    refuseLowering(
      layer.subject,
      `Layer "${layer.subject}" is stateful: it would remember one caller's data for the next.`,
    );
  }
  const units = numberOption(layer, 'units', 1);
  const cell = cellOf(layer);
  const x = layer.goesBackwards ? ops.reverse(given, 1) : given;
  const mask = givenMask !== null && layer.goesBackwards ? ops.reverse(givenMask, 1) : givenMask;
  const product = project(ops, x, layer.weight('kernel'));
  const projected = cell.inputBias === null ? product : ops.biasAdd(product, cell.inputBias);
  const batch = ops.dimension(x, 0);
  const zeros = (): Value => ops.fill(ops.pack([batch, units]), 'float32', 0, [x.shape[0] ?? null, units]);
  const states = initial.length === 0 ? Array.from({ length: cell.stateCount }, zeros) : initial;
  if (states.length !== cell.stateCount) {
    refuseLowering(layer.subject, `Layer "${layer.subject}" is given ${states.length} initial states.`);
  }
  const collects = flagOption(layer, 'return_sequences', false);
  const major = ops.transpose(projected, [1, 0, 2]);
  const steps = mask === null ? null : ops.expand(ops.transpose(mask, [1, 0]), 2);
  const loop = overTime(ops, {
    sequences: steps === null ? [major] : [major, steps],
    // Behind a mask, the output is held as a state: a step that does not count repeats it.
    initial: steps === null ? states : [...states, zeros()],
    constants: cell.constants,
    collects,
    outputShape: [x.shape[0] ?? null, units],
    step([slice, counts], before, constants) {
      const old = before.slice(0, cell.stateCount);
      const fresh = cell.step(slice as Value, old, constants);
      const [output] = fresh as [Value, ...Value[]];
      if (counts === undefined) return { states: fresh, output };
      const held = before[cell.stateCount] as Value;
      const kept = fresh.map((state, i) => ops.select(counts, state, old[i] as Value));
      const instead = layer.zeroOutputForMask ? ops.multiply(held, 0) : held;
      const shown = ops.select(counts, output, instead);
      return { states: [...kept, shown], output: shown };
    },
  });
  const last = steps === null ? loop.states[0] : loop.states[cell.stateCount];
  return {
    output: loop.outputs === null ? (last as Value) : ops.transpose(loop.outputs, [1, 0, 2]),
    states: loop.states.slice(0, cell.stateCount),
  };
}

function givenStates(call: LayerCall): readonly Value[] {
  return [...call.inputs.slice(1), ...call.named('initial_state')];
}

const recurrent: LowerLayer = (call): LayerResult => {
  const [x, mask] = [call.inputs[0] as Value, call.masks[0] ?? null];
  const layer: Recurrent = {
    subject: call.subject,
    className: call.className,
    config: call.config,
    ops: call.ops,
    weight: call.weight,
    goesBackwards: flagOption(call, 'go_backwards', false),
    zeroOutputForMask: flagOption(call, 'zero_output_for_mask', false),
  };
  const { output, states } = run(layer, x, mask, givenStates(call));
  return {
    outputs: flagOption(call, 'return_state', false) ? [output, ...states] : [output],
    mask: flagOption(call, 'return_sequences', false) ? mask : null,
  };
};

/** The same layer in both directions, each with weights of its own, joined step by step. */
const bidirectional: LowerLayer = (call): LayerResult => {
  const { ops } = call;
  const [x, mask] = [call.inputs[0] as Value, call.masks[0] ?? null];
  const inner = call.config['layer'] as { class_name: string; config: Record<string, unknown> };
  const collects = inner.config['return_sequences'] === true;
  const initial = givenStates(call);
  const half = initial.length / 2;
  const side = (name: 'forward' | 'backward'): Run => {
    const isBackward = name === 'backward';
    const layer: Recurrent = {
      subject: call.subject,
      className: inner.class_name,
      config: inner.config,
      ops,
      weight: (weight) => call.weight(`${name}_rnn/${weight}`),
      goesBackwards: (inner.config['go_backwards'] === true) !== isBackward,
      // Keras's Bidirectional sets it so.
      zeroOutputForMask: collects,
    };
    const { output, states } = run(layer, x, mask, isBackward ? initial.slice(half) : initial.slice(0, half));
    return { output: isBackward && collects ? ops.reverse(output, 1) : output, states };
  };
  const [forward, backward] = [side('forward'), side('backward')];
  const [y, z] = [forward.output, backward.output];
  const mode =
    call.config['merge_mode'] === null
      ? null
      : textOption(call, 'merge_mode', ['concat', 'sum', 'ave', 'mul']);
  const merged = {
    concat: () => [ops.concat([y, z], y.shape.length - 1)],
    sum: () => [ops.add(y, z)],
    ave: () => [ops.multiply(ops.add(y, z), 0.5)],
    mul: () => [ops.multiply(y, z)],
    none: () => [y, z],
  }[mode ?? 'none']();
  const states = inner.config['return_state'] === true ? [...forward.states, ...backward.states] : [];
  return { outputs: [...merged, ...states], mask: collects ? mask : null };
};

export const RECURRENT_LAYERS: Readonly<Record<string, LowerLayer>> = {
  SimpleRNN: recurrent,
  LSTM: recurrent,
  GRU: recurrent,
  Bidirectional: bidirectional,
};
